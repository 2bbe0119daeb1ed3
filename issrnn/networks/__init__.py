"""The networks this project trains and serves, as ordinary torch modules."""

from issrnn.networks.language_model import LanguageModel, State

__all__ = ["LanguageModel", "State"]
