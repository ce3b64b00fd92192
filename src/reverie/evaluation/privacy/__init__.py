"""Privacy as attacks with outcomes: what an attacker reached on the synthetic table, and on the model.

Each module is one attack and says what the attacker knows. Every outcome stands beside the same attack on patients that the
model never saw. An attack that fails shows that this attack failed, no more: a guarantee is training with an epsilon.
"""

from reverie.evaluation.privacy.adversarial import adversarial
from reverie.evaluation.privacy.attributes import attributes
from reverie.evaluation.privacy.copies import copies
from reverie.evaluation.privacy.linkage import linkage
from reverie.evaluation.privacy.membership import membership
from reverie.evaluation.privacy.memorisation import memorisation
from reverie.evaluation.privacy.model_membership import model_membership

__all__ = ["adversarial", "attributes", "copies", "linkage", "membership", "memorisation", "model_membership"]
