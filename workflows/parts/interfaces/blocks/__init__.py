"""What a report shows of interfaces: sentences, tables and figures."""
