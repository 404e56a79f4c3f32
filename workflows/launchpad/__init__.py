"""The LaunchPad: its database, the ledger of FireWorks' documents, the way of a plan into it."""
