"""The networks this project trains and serves, as ordinary torch modules."""

from issrnn.networks.bidaf import BiDAF, Text
from issrnn.networks.classifier import Classifier
from issrnn.networks.dropout import SequenceDropout
from issrnn.networks.language_model import LanguageModel, State
from issrnn.networks.rhn import HighwayLayer, RecurrentHighwayNetwork, VariationalDropout

__all__ = [
    "BiDAF",
    "Classifier",
    "HighwayLayer",
    "LanguageModel",
    "RecurrentHighwayNetwork",
    "SequenceDropout",
    "State",
    "Text",
    "VariationalDropout",
]
