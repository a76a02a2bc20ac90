"""The identity report: one self-contained page of counts, rates and figures, without any value or id of a record."""
