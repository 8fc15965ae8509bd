"""The log for those who check it: entries, heads, cosignatures, bundles, evidence."""
