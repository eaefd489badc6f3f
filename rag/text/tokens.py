"""How many tokens a text is, as far as that can be told without a model's tokenizer. Pure."""


def estimate_tokens(text: str) -> int:
    """About how many tokens a text is: a quarter of its UTF-8 bytes, rounded up.

    English has about 4 characters per token; counting bytes keeps scripts with fewer characters per token on
    the safe side.
    """
    return (len(text.encode("utf-8", "surrogatepass")) + 3) // 4
