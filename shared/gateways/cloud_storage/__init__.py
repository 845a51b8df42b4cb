"""Cloud Storage: listings, and bytes streamed from one pinned generation."""
