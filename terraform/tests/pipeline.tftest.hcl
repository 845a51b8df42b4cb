# A proposal is planned by someone who can change nothing; production waits for approval.

mock_provider "google" {
  source = "./tests/mocks"
}

run "triggers" {
  command = plan

  variables {
    pipeline = {
      repository   = "projects/p/locations/us-central1/connections/c/repositories/r"
      state_bucket = "state"
    }
  }

  assert {
    condition     = module.pipeline[0].triggers["plan"].service_account == "projects/p/serviceAccounts/planner" && module.pipeline[0].triggers["plan"].substitutions._APPLY == "false"
    error_message = "A proposal is planned by the planner, and not applied."
  }

  assert {
    condition     = module.pipeline[0].triggers["apply"].service_account == "projects/p/serviceAccounts/deployer" && module.pipeline[0].triggers["apply"].substitutions._APPLY == "true"
    error_message = "What was merged is applied by the deployer."
  }

  assert {
    condition     = module.pipeline[0].triggers["apply"].approval_required
    error_message = "An apply waits for approval unless told otherwise."
  }

  assert {
    condition     = !module.pipeline[0].triggers["plan"].on_push && !module.pipeline[0].triggers["apply"].on_pull_request
    error_message = "Only a push to the branch applies."
  }

  assert {
    condition     = toset(module.pipeline[0].roles.planner) == toset(["roles/iam.securityReviewer", "roles/logging.logWriter", "roles/viewer"])
    error_message = "The planner changes nothing."
  }

  assert {
    condition     = length(setintersection(module.pipeline[0].roles.deployer, ["roles/owner", "roles/editor", "roles/resourcemanager.projectIamAdmin"])) == 0
    error_message = "The deployer can't give itself more."
  }

  assert {
    condition     = contains(module.dispatcher.invokers.run, "serviceAccount:deployer@p.iam.gserviceaccount.com") && !contains(module.upload.invokers.run, "serviceAccount:deployer@p.iam.gserviceaccount.com")
    error_message = "The smoke test calls what people call."
  }
}
