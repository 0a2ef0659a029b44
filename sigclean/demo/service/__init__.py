"""The page's HTTP: what is answered to whom, and the interface `/api` for programs."""
