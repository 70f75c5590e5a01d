"""Where cards meet code: processes, ledger, evidence, scores."""
