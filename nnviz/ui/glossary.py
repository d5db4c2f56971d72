"""The field's terms, each in one sentence, and headings that carry their sentence with them."""

from __future__ import annotations

import streamlit as st

GLOSSARY: dict[str, dict[str, str]] = {
    "The network": {
        "Neuron": "A unit that adds up its inputs, each times a weight, adds a bias and passes the sum on through an"
        " activation function: y = f(Wx + b).",
        "Weight": "A number that says how much an input counts; learning means changing the weights.",
        "Bias": "A number that is added to a neuron's sum, whatever its inputs are.",
        "Activation": "What a unit gives for an image, after its activation function f; without a bend in f many layers"
        " would be no more than one.",
        "Layer": "Units that get the same inputs; a network is a row of layers.",
        "Convolution": "A layer whose kernels slide over the image: the same weights at every place.",
        "Kernel": "The small matrix of weights that a convolution lays on each place of the image.",
        "Channel": "The image that one kernel makes of its input; a convolution gives as many as it has kernels.",
        "Logit": "The network's output for a class, before the softmax makes a probability of it.",
        "Softmax": "Makes probabilities of the logits: each is raised to a power of e and divided by their sum.",
        "Parameters": "All numbers that the network learns: weights and biases.",
    },
    "Training": {
        "Loss": "A number that says how wrong the network is on some images; training makes it smaller.",
        "Cross-entropy": "The loss −log p of the true class's probability p, in nats, as a mean over the images.",
        "Gradient": "∂L/∂W: how the loss changes when a weight does; autograd finds it by the chain rule, backwards.",
        "Learning rate": "α in W_new = W_old − α · ∂L/∂W: how far one step goes.",
        "Momentum": "μ in v = μ·v + ∂L/∂W: how much of the last steps goes on into the next one.",
        "Optimizer": "The rule that makes a step of the gradient: SGD, Adam and others.",
        "Mini-batch": "The images of one step; the gradient is their mean.",
        "Epoch": "One pass over all training images.",
        "Schedule": "How the learning rate moves while it trains.",
        "Augmentation": "Training images changed a little, anew in every epoch: the network learns to expect it.",
        "Overfitting": "The network learns its training images by heart and does worse on new ones.",
        "Divergence": "The steps are so large that the loss grows until it is no number any more.",
        "Checkpoint": "The weights and the optimizer's state after a step, kept to look into, resume and fork.",
        "Ensemble": "Many networks trained at once as one stacked batch; their numbers agree with those of each alone.",
        "Seed": "The number from which initial weights and the order of images are drawn: same seed, same curve.",
        "Fine-tuning": "Training a network that is trained already a little further, on other images.",
    },
    "Results": {
        "Accuracy": "The share of images whose predicted class is the true one.",
        "Predicted class": "The class with the largest probability.",
        "Predicted probabilities": "What the softmax gives for each class; they add up to 1, and may be wrong.",
        "Confusion matrix": "How many images of each true class got each predicted class; right answers stand on the"
        " diagonal.",
        "Recall": "Of the images of a class, the share that got it: the accuracy per class.",
        "Calibration": "A calibrated network is right as often as it says: of the answers with probability 80 % four in"
        " five are right.",
        "Expected calibration error": "How far the share of right answers lies from the predicted probability, as a"
        " mean over all answers in bins of like probability.",
        "Temperature": "The number T that all logits are divided by before the softmax, fitted on held-out images so"
        " that the probabilities are calibrated; it changes no answer.",
        "Out-of-distribution detection": "Telling that an image is unlike those of training, so that the answer means"
        " nothing.",
        "McNemar's test": "Whether two networks, asked about the same images, differ by more than chance makes likely.",
        "Standard deviation": "How far values lie from their mean, typically: the root of the mean squared distance.",
    },
    "Looking inside": {
        "Saliency": "How much each pixel adds to a class, or takes from it, by one of several methods.",
        "Embedding": "Images as points of a map, near one another where the network sees them alike (PCA, t-SNE).",
        "Top-activating images": "The images for which a unit's activation is largest.",
        "Logit contributions": "The products, input × weight, that add up to a class's logit.",
        "Dead unit": "One that is 0 for every image: no gradient reaches it any more.",
        "Saturation": "An activation stands at an end of its range, where the function is flat.",
        "Vanishing gradient": "Each layer makes the gradient smaller on its way back: the first ones hardly learn.",
    },
    "Sweeps": {
        "Hyperparameter": "What is set before training and is not learned: learning rate, batch size, layers.",
        "Sweep": "Many trainings with different hyperparameters, to see which do well.",
        "Trial": "One combination of hyperparameters in a sweep.",
        "Grid search": "Every combination of the listed values.",
        "Random search": "Combinations drawn at random; with many hyperparameters it finds more than a grid.",
        "Adaptive search (TPE)": "The next trials follow what was found so far (Tree-structured Parzen Estimator).",
        "Pruning": "Ending a trial early because it does worse than the others had done by then.",
    },
}
"""Part → term → sentence."""

_SENTENCES = {term: words for terms in GLOSSARY.values() for term, words in terms.items()}


def meaning(term: str) -> str:
    """The sentence that explains a term."""
    return _SENTENCES[term]


def heading(words: str, term: str = "", *, level: int = 2) -> None:
    """A heading with the sentence of its term, or of `term` where the heading says more, behind a question mark."""
    st.markdown(f"{'#' * level} {words}", help=f"{meaning(term or words)} More terms: [Glossary](Glossary).")


def glossary() -> None:
    """The page."""
    st.title("Glossary", anchor=False)
    st.caption("The words on these pages, as textbooks and PyTorch use them, each in one sentence.")
    wanted = st.text_input("Find a term", key="glossary-find", placeholder="e.g. momentum").strip().lower()
    shown = 0
    for part, terms in GLOSSARY.items():
        found = {term: words for term, words in terms.items() if wanted in f"{term} {words}".lower()}
        shown += len(found)
        if found:
            lines = [f"- **{term}**: {words}" for term, words in found.items()]
            st.markdown(f"## {part}\n" + "\n".join(lines))
    if not shown:
        st.info("No term has these letters. Try fewer.", icon=":material/search_off:")
