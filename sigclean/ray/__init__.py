"""Cleaning on a cluster, by Ray Data: the engine of `--engine ray`, and a step for pipelines."""

from sigclean.ray.clean_pictures import CleanPictures

__all__ = ["CleanPictures"]
