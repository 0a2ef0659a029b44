"""The noise family of stamps: their dies, their words and their worn impressions."""
