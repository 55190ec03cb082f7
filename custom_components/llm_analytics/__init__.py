"""The household ledger of language-model usage."""
