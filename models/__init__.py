"""What a network is: cards, registry, zoo; and, apart, nets and training, which need torch."""
