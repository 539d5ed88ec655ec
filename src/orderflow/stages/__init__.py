"""The stages of order processing, one module each: commands, events, rules, decisions.

What every module offers is a `orderflow.stages.stage.Stage`; the process runs over the list of them and knows no stage
by name. Adding a stage is adding a module and its line in `orderflow.defaults`.
"""
