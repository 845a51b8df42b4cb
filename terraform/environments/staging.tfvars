# --- yours: the project, the bucket, who works with it, where alerts go ---------------------------

project_id            = "example-search-staging"
documents_bucket      = { name = "example-search-staging-documents" }
operators             = ["group:search-team@example.com"]
notification_channels = []
alerts_to_nobody      = true

# After the repository is connected (docs/deploy.md): repository, state_bucket.
pipeline = null

# --- how this environment runs --------------------------------------------------------------------

deployment             = "staging"
tier                   = "tier1"
gemini_api_key_version = "1"

sync = {
  schedule     = "0 6 * * *"
  period_hours = 24
}

deletion_protection = false
queue_log_sampling  = 1
