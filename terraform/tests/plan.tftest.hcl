# A whole deployment, pipeline included: what local/terraform/workspace.py reads plans from.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  pipeline = {
    repository   = "projects/example/locations/us-central1/connections/git/repositories/search"
    state_bucket = "example-state"
  }
}

run "everything" {
  command = plan

  assert {
    condition     = output.status_url == "https://fss-${var.deployment}-status-123456789012.${var.region}.run.app"
    error_message = "Operators are told where to look."
  }
}
