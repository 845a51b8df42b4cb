# --- yours: the project, the bucket, who works with it, where alerts go ---------------------------

project_id            = "example-search-prod"
documents_bucket      = { name = "example-search-prod-documents" }
operators             = ["group:search-team@example.com"]
notification_channels = ["projects/example-search-prod/notificationChannels/1234567890"]

# After the repository is connected (docs/deploy.md): repository, state_bucket.
pipeline = null

# --- how this environment runs --------------------------------------------------------------------

deployment             = "prod"
tier                   = "tier1"
gemini_api_key_version = "1"

sync = {
  schedule     = "0 */6 * * *"
  period_hours = 6
}

deletion_protection    = true
point_in_time_recovery = true
