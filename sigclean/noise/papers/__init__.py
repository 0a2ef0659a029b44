"""The noise family of papers: sheets, security patterns and cheques."""
