"""A load's life: land, convert, diff, (gate,) publish. One transaction per step; every step may be killed and run again.

ledger       who is loading, and what came of it (ops.load, ops.watermark)
landing      parts of a reader → landing
convert      landed text → typed rows, what does not fit is set aside
diff         rows that change nothing leave
quarantine   rows the gate turned away: kept, listed, replayed, waived
publish      one transaction: raw, raw_history, watermark, ledger, change log
"""
