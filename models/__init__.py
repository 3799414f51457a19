"""Networks: cards, registry and zoo, which are torch-free; nets, training and export, which need
torch."""
