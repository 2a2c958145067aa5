"""What an audit publishes: the page, its figures, tables for others, small cells withheld."""
