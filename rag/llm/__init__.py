"""Language models behind one seam (`rag.llm.seam`). Nothing here knows prompts, rooms or the database."""
