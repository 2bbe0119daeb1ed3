"""The networks this project trains and serves, as ordinary torch modules."""

from issrnn.networks.bidaf import BiDAF, Text
from issrnn.networks.language_model import LanguageModel, State

__all__ = ["BiDAF", "LanguageModel", "State", "Text"]
