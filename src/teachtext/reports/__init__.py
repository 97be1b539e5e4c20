"""What people look at: tables, plots and self-contained HTML reports."""
