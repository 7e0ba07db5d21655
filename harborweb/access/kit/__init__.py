"""The client kit: how each tool is set up for this Harbor, as steps, commands and files. Pure but for the pages."""
