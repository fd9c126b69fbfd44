"""Report: predictions become what people look at."""
