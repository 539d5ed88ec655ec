"""The words of UBL that orders, their answers and despatch advices use, as tables.

UBL is a vocabulary of the OASIS consortium: documents are made of *aggregates* (``cac:Party``), which hold aggregates
and *basic* elements (``cbc:Name``) in a fixed order. `SEQUENCE` says, for the aggregates that are used here, what may
be in one and in which order, as UBL 2.1 has it; later versions only add. It tells a reader what a document of 2.0 or
2.1 cannot say, and a writer in which order to say it. Source: the schemas of UBL 2.1,
https://docs.oasis-open.org/ubl/UBL-2.1.html.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ANSWERS", "LINE_STATUSES", "NAMESPACES", "PREFIXES", "SEQUENCE", "UNITS", "document_namespace", "kind_of"]

_COMMON = "urn:oasis:names:specification:ubl:schema:xsd:Common"

#: The namespaces of elements in a document, by their customary prefix.
NAMESPACES: Final = {
    "cac": f"{_COMMON}AggregateComponents-2",
    "cbc": f"{_COMMON}BasicComponents-2",
    "ext": f"{_COMMON}ExtensionComponents-2",
}
PREFIXES: Final = {namespace: prefix for prefix, namespace in NAMESPACES.items()}

#: What a document says of a line, or an answer to it.
LINE_STATUSES: Final = ("Added", "Cancelled", "Disputed", "NoStatus", "Revised")

#: How an answer to a line is said with these.
ANSWERS: Final = {
    "accepted": "NoStatus",
    "changed": "Revised",
    "backordered": "Revised",
    "substituted": "Revised",
    "rejected": "Cancelled",
}

#: Codes of UN/ECE Recommendation 20 with the unit that is usual here; other codes are units as they are.
UNITS: Final = {
    "C62": "each",
    "KGM": "kg",
    "GRM": "g",
    "MTR": "m",
    "CMT": "cm",
    "MMT": "mm",
    "MTK": "m2",
    "MTQ": "m3",
    "LTR": "l",
    "MLT": "ml",
    "HUR": "h",
}


def document_namespace(name: str) -> str:
    """The namespace of a kind of document: ``Order``, ``DespatchAdvice``."""
    return f"urn:oasis:names:specification:ubl:schema:xsd:{name}-2"


def kind_of(name: str) -> str:
    """What kind of aggregate an element is: a ``DeliveryAddress`` is an ``Address``."""
    return _KINDS.get(name, name)


_SEQUENCES = {
    "Order": """
        UBLExtensions UBLVersionID CustomizationID ProfileID ProfileExecutionID ID SalesOrderID CopyIndicator
        UUID IssueDate IssueTime OrderTypeCode Note RequestedInvoiceCurrencyCode DocumentCurrencyCode
        PricingCurrencyCode TaxCurrencyCode CustomerReference AccountingCostCode AccountingCost LineCountNumeric
        ValidityPeriod QuotationDocumentReference OrderDocumentReference OriginatorDocumentReference
        CatalogueReference AdditionalDocumentReference Contract ProjectReference Signature BuyerCustomerParty
        SellerSupplierParty OriginatorCustomerParty FreightForwarderParty AccountingCustomerParty Delivery
        DeliveryTerms PaymentMeans PaymentTerms TransactionConditions AllowanceCharge TaxExchangeRate
        PricingExchangeRate PaymentExchangeRate DestinationCountry TaxTotal AnticipatedMonetaryTotal OrderLine
    """,
    "OrderChange": """
        UBLExtensions UBLVersionID CustomizationID ProfileID ProfileExecutionID ID SalesOrderID CopyIndicator
        UUID IssueDate IssueTime SequenceNumberID Note RequestedInvoiceCurrencyCode DocumentCurrencyCode
        PricingCurrencyCode TaxCurrencyCode CustomerReference AccountingCostCode AccountingCost LineCountNumeric
        ValidityPeriod OrderReference QuotationDocumentReference OriginatorDocumentReference
        AdditionalDocumentReference Contract Signature BuyerCustomerParty SellerSupplierParty
        OriginatorCustomerParty FreightForwarderParty AccountingCustomerParty AccountingSupplierParty Delivery
        DeliveryTerms PaymentMeans PaymentTerms TransactionConditions AllowanceCharge TaxExchangeRate
        PricingExchangeRate PaymentExchangeRate DestinationCountry TaxTotal AnticipatedMonetaryTotal OrderLine
    """,
    "OrderCancellation": """
        UBLExtensions UBLVersionID CustomizationID ProfileID ProfileExecutionID ID CopyIndicator UUID IssueDate
        IssueTime Note CancellationNote OrderReference OriginatorDocumentReference AdditionalDocumentReference
        Contract Signature BuyerCustomerParty SellerSupplierParty OriginatorCustomerParty
    """,
    "OrderResponse": """
        UBLExtensions UBLVersionID CustomizationID ProfileID ProfileExecutionID ID SalesOrderID CopyIndicator
        UUID IssueDate IssueTime OrderResponseCode Note DocumentCurrencyCode PricingCurrencyCode TaxCurrencyCode
        TotalPackagesQuantity GrossWeightMeasure NetWeightMeasure NetNetWeightMeasure GrossVolumeMeasure
        NetVolumeMeasure CustomerReference AccountingCostCode AccountingCost LineCountNumeric ValidityPeriod
        OrderReference OrderDocumentReference OriginatorDocumentReference AdditionalDocumentReference Contract
        Signature SellerSupplierParty BuyerCustomerParty OriginatorCustomerParty FreightForwarderParty
        AccountingSupplierParty AccountingCustomerParty Delivery DeliveryTerms PaymentMeans PaymentTerms
        AllowanceCharge TransactionConditions TaxExchangeRate PricingExchangeRate PaymentExchangeRate
        DestinationCountry TaxTotal LegalMonetaryTotal OrderLine
    """,
    "OrderResponseSimple": """
        UBLExtensions UBLVersionID CustomizationID ProfileID ProfileExecutionID ID CopyIndicator UUID IssueDate
        IssueTime Note AcceptedIndicator RejectionNote CustomerReference AccountingCostCode AccountingCost
        OrderReference AdditionalDocumentReference Signature SellerSupplierParty BuyerCustomerParty
        OriginatorCustomerParty AccountingSupplierParty AccountingCustomerParty
    """,
    "DespatchAdvice": """
        UBLExtensions UBLVersionID CustomizationID ProfileID ProfileExecutionID ID CopyIndicator UUID IssueDate
        IssueTime DocumentStatusCode DespatchAdviceTypeCode Note LineCountNumeric OrderReference
        AdditionalDocumentReference Signature DespatchSupplierParty DeliveryCustomerParty BuyerCustomerParty
        SellerSupplierParty OriginatorCustomerParty Shipment DespatchLine
    """,
    "CustomerParty": """
        CustomerAssignedAccountID SupplierAssignedAccountID AdditionalAccountID Party DeliveryContact
        AccountingContact BuyerContact
    """,
    "SupplierParty": """
        CustomerAssignedAccountID AdditionalAccountID DataSendingCapability Party DespatchContact
        AccountingContact SellerContact
    """,
    "Party": """
        MarkCareIndicator MarkAttentionIndicator WebsiteURI LogoReferenceID EndpointID
        IndustryClassificationCode PartyIdentification PartyName Language PostalAddress PhysicalLocation
        PartyTaxScheme PartyLegalEntity Contact Person AgentParty ServiceProviderParty PowerOfAttorney
        FinancialAccount
    """,
    "PartyIdentification": "ID",
    "PartyName": "Name",
    "PartyTaxScheme": """
        RegistrationName CompanyID TaxLevelCode ExemptionReasonCode ExemptionReason RegistrationAddress
        TaxScheme
    """,
    "PartyLegalEntity": """
        RegistrationName CompanyID RegistrationDate RegistrationExpirationDate CompanyLegalFormCode
        CompanyLegalForm SoleProprietorshipIndicator CompanyLiquidationStatusCode CorporateStockAmount
        FullyPaidSharesIndicator RegistrationAddress CorporateRegistrationScheme HeadOfficeParty
        ShareholderParty
    """,
    "Contact": "ID Name Telephone Telefax ElectronicMail Note OtherCommunication",
    "Communication": "ChannelCode Channel Value",
    "Person": """
        ID FirstName FamilyName Title MiddleName OtherName NameSuffix JobTitle NationalityID GenderCode
        BirthDate BirthplaceName OrganizationDepartment Contact FinancialAccount IdentityDocumentReference
        ResidenceAddress
    """,
    "Address": """
        ID AddressTypeCode AddressFormatCode Postbox Floor Room StreetName AdditionalStreetName BlockName
        BuildingName BuildingNumber InhouseMail Department MarkAttention MarkCare PlotIdentification
        CitySubdivisionName CityName PostalZone CountrySubentity CountrySubentityCode Region District
        TimezoneOffset AddressLine Country LocationCoordinate
    """,
    "AddressLine": "Line",
    "Country": "IdentificationCode Name",
    "Delivery": """
        ID Quantity MinimumQuantity MaximumQuantity ActualDeliveryDate ActualDeliveryTime LatestDeliveryDate
        LatestDeliveryTime ReleaseID TrackingID DeliveryAddress DeliveryLocation AlternativeDeliveryLocation
        RequestedDeliveryPeriod PromisedDeliveryPeriod EstimatedDeliveryPeriod CarrierParty DeliveryParty
        NotifyParty Despatch DeliveryTerms MinimumDeliveryUnit MaximumDeliveryUnit Shipment
    """,
    "Location": """
        ID Description Conditions CountrySubentity CountrySubentityCode LocationTypeCode InformationURI Name
        ValidityPeriod Address SubsidiaryLocation LocationCoordinate
    """,
    "Period": "StartDate StartTime EndDate EndTime DurationMeasure DescriptionCode Description",
    "DeliveryTerms": """
        ID SpecialTerms LossRiskResponsibilityCode LossRisk Amount DeliveryLocation AllowanceCharge
    """,
    "AllowanceCharge": """
        ID ChargeIndicator AllowanceChargeReasonCode AllowanceChargeReason MultiplierFactorNumeric
        PrepaidIndicator SequenceNumeric Amount BaseAmount AccountingCostCode AccountingCost PerUnitAmount
        TaxCategory TaxTotal PaymentMeans
    """,
    "TaxTotal": "TaxAmount RoundingAmount TaxEvidenceIndicator TaxIncludedIndicator TaxSubtotal",
    "TaxSubtotal": """
        TaxableAmount TaxAmount CalculationSequenceNumeric TransactionCurrencyTaxAmount Percent BaseUnitMeasure
        PerUnitAmount TierRange TierRatePercent TaxCategory
    """,
    "TaxCategory": """
        ID Name Percent BaseUnitMeasure PerUnitAmount TaxExemptionReasonCode TaxExemptionReason TierRange
        TierRatePercent TaxScheme
    """,
    "TaxScheme": "ID Name TaxTypeCode CurrencyCode JurisdictionRegionAddress",
    "MonetaryTotal": """
        LineExtensionAmount TaxExclusiveAmount TaxInclusiveAmount AllowanceTotalAmount ChargeTotalAmount
        PrepaidAmount PayableRoundingAmount PayableAmount PayableAlternativeAmount
    """,
    "OrderReference": """
        ID SalesOrderID CopyIndicator UUID IssueDate IssueTime CustomerReference OrderTypeCode DocumentReference
    """,
    "OrderLine": """
        SubstitutionStatusCode Note LineItem SellerProposedSubstituteLineItem SellerSubstitutedLineItem
        BuyerProposedSubstituteLineItem CatalogueLineReference QuotationLineReference OrderLineReference
        DocumentReference
    """,
    "LineItem": """
        ID SalesOrderID UUID Note LineStatusCode Quantity LineExtensionAmount TotalTaxAmount MinimumQuantity
        MaximumQuantity MinimumBackorderQuantity MaximumBackorderQuantity InspectionMethodCode
        PartialDeliveryIndicator BackOrderAllowedIndicator AccountingCostCode AccountingCost WarrantyInformation
        Delivery DeliveryTerms OriginatorParty OrderedShipment PricingReference AllowanceCharge Price Item
        SubLineItem WarrantyValidityPeriod WarrantyParty TaxTotal ItemPriceExtension LineReference
    """,
    "Price": """
        PriceAmount BaseQuantity PriceChangeReason PriceTypeCode PriceType OrderableUnitFactorRate
        ValidityPeriod PriceList AllowanceCharge PricingExchangeRate
    """,
    "Item": """
        Description PackQuantity PackSizeNumeric CatalogueIndicator Name HazardousRiskIndicator
        AdditionalInformation Keyword BrandName ModelName BuyersItemIdentification SellersItemIdentification
        ManufacturersItemIdentification StandardItemIdentification CatalogueItemIdentification
        AdditionalItemIdentification CatalogueDocumentReference ItemSpecificationDocumentReference OriginCountry
        CommodityClassification TransactionConditions HazardousItem ClassifiedTaxCategory AdditionalItemProperty
        ManufacturerParty InformationContentProviderParty OriginAddress ItemInstance Certificate Dimension
    """,
    "ItemIdentification": "ID ExtendedID BarcodeSymbologyID PhysicalAttribute MeasurementDimension IssuerParty",
    "ItemInstance": """
        ProductTraceID ManufactureDate ManufactureTime BestBeforeDate RegistrationID SerialID
        AdditionalItemProperty LotIdentification
    """,
    "LotIdentification": "LotNumberID ExpiryDate AdditionalItemProperty",
    "DespatchLine": """
        ID UUID Note LineStatusCode DeliveredQuantity BackorderQuantity BackorderReason OutstandingQuantity
        OutstandingReason OversupplyQuantity OrderLineReference DocumentReference Item Shipment
    """,
    "OrderLineReference": "LineID SalesOrderLineID UUID LineStatusCode OrderReference",
    "Despatch": """
        ID RequestedDespatchDate RequestedDespatchTime EstimatedDespatchDate EstimatedDespatchTime
        ActualDespatchDate ActualDespatchTime GuaranteedDespatchDate GuaranteedDespatchTime ReleaseID
        Instructions DespatchAddress DespatchLocation DespatchParty CarrierParty NotifyParty Contact
        EstimatedDespatchPeriod RequestedDespatchPeriod
    """,
    "Shipment": """
        ID ShippingPriorityLevelCode HandlingCode HandlingInstructions Information GrossWeightMeasure
        NetWeightMeasure NetNetWeightMeasure GrossVolumeMeasure NetVolumeMeasure TotalGoodsItemQuantity
        TotalTransportHandlingUnitQuantity InsuranceValueAmount DeclaredCustomsValueAmount
        DeclaredForCarriageValueAmount DeclaredStatisticsValueAmount FreeOnBoardValueAmount SpecialInstructions
        DeliveryInstructions SplitConsignmentIndicator ConsignmentQuantity Consignment GoodsItem ShipmentStage
        Delivery TransportHandlingUnit ReturnAddress OriginAddress FirstArrivalPortLocation LastExitPortLocation
        ExportCountry FreightAllowanceCharge
    """,
    "Consignment": """
        ID CarrierAssignedID ConsigneeAssignedID ConsignorAssignedID FreightForwarderAssignedID BrokerAssignedID
        ContractedCarrierAssignedID PerformingCarrierAssignedID SummaryDescription TotalInvoiceAmount
        DeclaredCustomsValueAmount TariffDescription TariffCode InsurancePremiumAmount GrossWeightMeasure
        NetWeightMeasure NetNetWeightMeasure ChargeableWeightMeasure GrossVolumeMeasure NetVolumeMeasure
        LoadingLengthMeasure Remarks HazardousRiskIndicator AnimalFoodIndicator HumanFoodIndicator
        LivestockIndicator BulkCargoIndicator ContainerizedIndicator GeneralCargoIndicator
        SpecialSecurityIndicator ThirdPartyPayerIndicator CarrierServiceInstructions
        CustomsClearanceServiceInstructions ForwarderServiceInstructions SpecialServiceInstructions SequenceID
        ShippingPriorityLevelCode HandlingCode HandlingInstructions Information TotalGoodsItemQuantity
        TotalTransportHandlingUnitQuantity InsuranceValueAmount DeclaredForCarriageValueAmount
        DeclaredStatisticsValueAmount FreeOnBoardValueAmount SpecialInstructions SplitConsignmentIndicator
        DeliveryInstructions ConsignmentQuantity ConsolidatableIndicator HaulageInstructions LoadingSequenceID
        ChildConsignmentQuantity TotalPackagesQuantity ConsolidatedShipment CustomsDeclaration
        RequestedPickupTransportEvent RequestedDeliveryTransportEvent PlannedPickupTransportEvent
        PlannedDeliveryTransportEvent Status ChildConsignment ConsigneeParty ExporterParty ConsignorParty
        ImporterParty CarrierParty FreightForwarderParty NotifyParty OriginalDespatchParty FinalDeliveryParty
        PerformingCarrierParty SubstituteCarrierParty LogisticsOperatorParty TransportAdvisorParty
        HazardousItemNotificationParty InsuranceParty MortgageHolderParty BillOfLadingHolderParty
        OriginalDepartureCountry FinalDestinationCountry TransitCountry TransportContract TransportEvent
        OriginalDespatchTransportationService FinalDeliveryTransportationService DeliveryTerms PaymentTerms
        CollectPaymentTerms DisbursementPaymentTerms PrepaidPaymentTerms FreightAllowanceCharge
        ExtraAllowanceCharge MainCarriageShipmentStage PreCarriageShipmentStage OnCarriageShipmentStage
        TransportHandlingUnit FirstArrivalPortLocation LastExitPortLocation
    """,
    "TransportHandlingUnit": """
        ID TransportHandlingUnitTypeCode HandlingCode HandlingInstructions HazardousRiskIndicator
        TotalGoodsItemQuantity TotalPackageQuantity DamageRemarks ShippingMarks TraceID HandlingUnitDespatchLine
        ActualPackage ReceivedHandlingUnitReceiptLine TransportEquipment TransportMeans HazardousGoodsTransit
        MeasurementDimension MinimumTemperature MaximumTemperature GoodsItem FloorSpaceMeasurementDimension
        PalletSpaceMeasurementDimension ShipmentDocumentReference Status CustomsDeclaration ReferencedShipment
        Package
    """,
    "Package": """
        ID Quantity ReturnableMaterialIndicator PackageLevelCode PackagingTypeCode PackingMaterial TraceID
        ContainedPackage ContainingTransportEquipment GoodsItem MeasurementDimension DeliveryUnit Delivery
        Pickup Despatch
    """,
    "GoodsItem": """
        ID SequenceNumberID Description HazardousRiskIndicator DeclaredCustomsValueAmount
        DeclaredForCarriageValueAmount DeclaredStatisticsValueAmount FreeOnBoardValueAmount InsuranceValueAmount
        ValueAmount GrossWeightMeasure NetWeightMeasure NetNetWeightMeasure ChargeableWeightMeasure
        GrossVolumeMeasure NetVolumeMeasure Quantity PreferenceCriterionCode RequiredCustomsID CustomsStatusCode
        CustomsTariffQuantity CustomsImportClassifiedIndicator ChargeableQuantity ReturnableQuantity TraceID
        Item GoodsItemContainer FreightAllowanceCharge InvoiceLine Temperature ContainedGoodsItem OriginAddress
        Delivery Pickup Despatch MeasurementDimension ContainingPackage ShipmentDocumentReference
        MinimumTemperature MaximumTemperature
    """,
    "Dimension": "AttributeID Measure Description MinimumMeasure MaximumMeasure",
    "DocumentReference": """
        ID CopyIndicator UUID IssueDate IssueTime DocumentTypeCode DocumentType XPath LanguageID LocaleCode
        VersionID DocumentStatusCode DocumentDescription Attachment ValidityPeriod IssuerParty
        ResultOfVerification
    """,
}

SEQUENCE: Final = {name: tuple(said.split()) for name, said in _SEQUENCES.items()}
"""What may be in an aggregate, in this order, by its kind."""

_NAMES = {
    "Contact": "AccountingContact BuyerContact DeliveryContact DespatchContact SellerContact",
    "CustomerParty": "AccountingCustomerParty BuyerCustomerParty DeliveryCustomerParty OriginatorCustomerParty",
    "SupplierParty": "AccountingSupplierParty DespatchSupplierParty SellerSupplierParty",
    "Package": "ActualPackage ContainedPackage ContainingPackage",
    "DocumentReference": """
        AdditionalDocumentReference CatalogueDocumentReference IdentityDocumentReference
        ItemSpecificationDocumentReference OrderDocumentReference OriginatorDocumentReference
        QuotationDocumentReference ShipmentDocumentReference
    """,
    "ItemIdentification": """
        AdditionalItemIdentification BuyersItemIdentification CatalogueItemIdentification
        ManufacturersItemIdentification SellersItemIdentification StandardItemIdentification
    """,
    "Party": """
        AgentParty BillOfLadingHolderParty CarrierParty ConsigneeParty ConsignorParty DeliveryParty
        DespatchParty ExporterParty FinalDeliveryParty FreightForwarderParty HazardousItemNotificationParty
        HeadOfficeParty ImporterParty InformationContentProviderParty InsuranceParty IssuerParty
        LogisticsOperatorParty ManufacturerParty MortgageHolderParty NotifyParty OriginalDespatchParty
        OriginatorParty PerformingCarrierParty SubstituteCarrierParty TransportAdvisorParty WarrantyParty
    """,
    "Location": """
        AlternativeDeliveryLocation DeliveryLocation DespatchLocation FirstArrivalPortLocation
        LastExitPortLocation PhysicalLocation SubsidiaryLocation
    """,
    "MonetaryTotal": "AnticipatedMonetaryTotal LegalMonetaryTotal",
    "LineItem": """
        BuyerProposedSubstituteLineItem SellerProposedSubstituteLineItem SellerSubstitutedLineItem SubLineItem
    """,
    "Consignment": "ChildConsignment",
    "TaxCategory": "ClassifiedTaxCategory",
    "Shipment": "ConsolidatedShipment ReferencedShipment",
    "GoodsItem": "ContainedGoodsItem",
    "Address": """
        DeliveryAddress DespatchAddress JurisdictionRegionAddress OriginAddress PostalAddress
        RegistrationAddress ResidenceAddress ReturnAddress
    """,
    "Country": """
        DestinationCountry ExportCountry FinalDestinationCountry OriginCountry OriginalDepartureCountry
        TransitCountry
    """,
    "Period": """
        EstimatedDeliveryPeriod EstimatedDespatchPeriod PromisedDeliveryPeriod RequestedDeliveryPeriod
        RequestedDespatchPeriod ValidityPeriod WarrantyValidityPeriod
    """,
    "AllowanceCharge": "ExtraAllowanceCharge FreightAllowanceCharge",
    "Dimension": "FloorSpaceMeasurementDimension MeasurementDimension PalletSpaceMeasurementDimension",
    "DespatchLine": "HandlingUnitDespatchLine",
    "Communication": "OtherCommunication",
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names.split()}
