"""Training pairs from clean signatures: reading, placing, splitting and preparing them."""

from sigclean.extras import require

require("cv2", extra="train", purpose="making training pictures")
