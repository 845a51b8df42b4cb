# What anybody proposes is checked by an account that may do nothing, what was merged is planned by one
# that changes nothing, and what was approved is applied by one that changes no access.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  pipeline = {
    repository   = "projects/p/locations/us-central1/connections/c/repositories/r"
    state_bucket = "state"
    approvers    = ["group:approvers@example.com"]
  }
}

run "triggers" {
  command = plan

  assert {
    condition = (
      module.pipeline[0].triggers["check"].service_account == "projects/p/serviceAccounts/checker" &&
      module.pipeline[0].triggers["check"].filename == "cloudbuild.yaml" &&
      module.pipeline[0].triggers["check"].on_pull_request && !module.pipeline[0].triggers["check"].on_push
    )
    error_message = "A proposal is checked by the checker."
  }

  assert {
    condition = alltrue([
      for grant in module.pipeline[0].grants :
      strcontains(grant, " ${var.project_id}-fss-${var.deployment}-checks") if startswith(grant, "serviceAccount:checker@")
    ])
    error_message = "The checker writes its own log, and may do nothing else."
  }

  assert {
    condition = (
      module.pipeline[0].triggers["plan"].service_account == "projects/p/serviceAccounts/planner" &&
      module.pipeline[0].triggers["plan"].on_push && !module.pipeline[0].triggers["plan"].on_pull_request
    )
    error_message = "What was merged is planned by the planner, and nothing else is."
  }

  assert {
    condition = (
      module.pipeline[0].triggers["apply"].service_account == "projects/p/serviceAccounts/deployer" &&
      module.pipeline[0].triggers["apply"].on_message &&
      !module.pipeline[0].triggers["apply"].on_push && !module.pipeline[0].triggers["apply"].on_pull_request
    )
    error_message = "Only a published plan is applied, by the deployer."
  }

  assert {
    condition     = module.pipeline[0].triggers["apply"].approval_required
    error_message = "An apply waits for approval unless told otherwise."
  }

  assert {
    condition     = module.pipeline[0].triggers["apply"].filename == null && length(module.pipeline[0].triggers["apply"].scripts) > 0
    error_message = "The trigger that applies holds its steps itself, and reads none from a commit."
  }

  assert {
    condition = alltrue([
      for name in ["commit", "generation", "object", "sha256", "summary", "text"] :
      module.pipeline[0].triggers["apply"].substitutions["_${upper(name)}"] == "$(body.message.attributes.${name})"
    ])
    error_message = "The message names object, generation and sha256, and the approver sees where the plan's text is."
  }

  assert {
    condition     = strcontains(module.pipeline[0].triggers["apply"].scripts["apply"], "terraform apply -input=false -lock-timeout=10m ../plan.tfplan")
    error_message = "The plan that was fetched is applied, and waits for the state's lock."
  }

  assert {
    condition     = strcontains(module.pipeline[0].triggers["apply"].scripts["compare"], "cmp ../../shown.txt ../../approved.txt")
    error_message = "The plan is the text that was approved."
  }

  assert {
    condition = alltrue(flatten([
      for trigger in values(module.pipeline[0].triggers) : [
        for key, image in trigger.substitutions : can(regex("^[^@]+:[^@]+@sha256:[0-9a-f]{64}$", image)) if endswith(key, "_IMAGE")
      ]
    ]))
    error_message = "Images are named by digest."
  }
}

run "access" {
  command = plan

  assert {
    condition = alltrue([
      for permission in module.pipeline[0].roles.reader :
      can(regex("\\.(get|list|getMetadata|getIamPolicy|fullView)$", permission)) &&
      !can(regex("^(datastore\\.entities|storage\\.objects|secretmanager\\.versions|logging\\.logEntries|cloudtasks\\.tasks)\\.", permission))
    ])
    error_message = "The reader's role reads configuration, and no documents, records or keys."
  }

  assert {
    condition = toset([
      for grant in module.pipeline[0].grants : trimprefix(grant, "serviceAccount:planner@p.iam.gserviceaccount.com ")
      if startswith(grant, "serviceAccount:planner@")
      ]) == toset([
      "projects/${var.project_id}/roles/fss_${var.deployment}_reader project",
      "roles/logging.logWriter project",
      "roles/pubsub.publisher fss-${var.deployment}-plans",
      "roles/storage.objectCreator ${var.project_id}-fss-${var.deployment}-plans resource.name.startsWith(\"projects/_/buckets/${var.project_id}-fss-${var.deployment}-plans/objects/plans/\")",
      "roles/storage.objectViewer ${var.project_id}-fss-${var.deployment}-packages",
      "roles/storage.objectViewer ${var.project_id}-fss-${var.deployment}-plans resource.name == \"projects/_/buckets/${var.project_id}-fss-${var.deployment}-plans\" || resource.name == \"projects/_/buckets/${var.project_id}-fss-${var.deployment}-plans/objects/applied.json\"",
      "roles/storage.objectViewer state resource.name == \"projects/_/buckets/state\" || resource.name.startsWith(\"projects/_/buckets/state/objects/${var.deployment}/\")",
    ])
    error_message = "The planner reads configuration and this deployment's state, adds plans, and publishes them."
  }

  assert {
    condition = toset([
      for grant in module.pipeline[0].grants : trimprefix(grant, "serviceAccount:deployer@p.iam.gserviceaccount.com ")
      if startswith(grant, "serviceAccount:deployer@") && can(regex(" (project|projects/p/serviceAccounts/\\w+)( |$)", grant))
      ]) == toset([
      "projects/${var.project_id}/roles/fss_${var.deployment}_deployer project",
      "projects/${var.project_id}/roles/fss_${var.deployment}_reader project",
      "roles/datastore.indexAdmin project resource.name == \"projects/${var.project_id}/databases/fss-${var.deployment}\"",
      "roles/logging.logWriter project",
      "roles/iam.serviceAccountOpenIdTokenCreator projects/p/serviceAccounts/deployer",
      "roles/iam.serviceAccountUser projects/p/serviceAccounts/build",
      "roles/iam.serviceAccountUser projects/p/serviceAccounts/dispatcher",
      "roles/iam.serviceAccountUser projects/p/serviceAccounts/scheduler",
      "roles/iam.serviceAccountUser projects/p/serviceAccounts/status",
      "roles/iam.serviceAccountUser projects/p/serviceAccounts/upload",
    ])
    error_message = "On the project the deployer has the least, and it acts as what it deploys and as itself only."
  }

  assert {
    condition = alltrue(flatten([
      for role in values(module.pipeline[0].roles) : [
        for permission in role : !can(regex("setIamPolicy|^iam\\..*\\.(create|update|delete|actAs)|^secretmanager\\..*\\.(create|update|delete|access)|^cloudbuild\\..*\\.(create|update|approve)", permission))
      ]
    ]))
    error_message = "The deployer changes no policy, identity, secret or build."
  }

  assert {
    condition = toset([for grant in module.pipeline[0].grants : grant if strcontains(grant, "/roles/fss_${var.deployment}_functions ") || strcontains(grant, "/roles/fss_${var.deployment}_queues ")]) == toset(concat(
      [for function in ["dispatcher", "upload", "status"] : "serviceAccount:deployer@p.iam.gserviceaccount.com projects/${var.project_id}/roles/fss_${var.deployment}_functions fss-${var.deployment}-${function}"],
      [for queue in ["uploads", "polls", "control"] : "serviceAccount:deployer@p.iam.gserviceaccount.com projects/${var.project_id}/roles/fss_${var.deployment}_queues fss-${var.deployment}-${queue}"],
    ))
    error_message = "The deployer changes this deployment's functions and queues, each by a grant of its own."
  }

  assert {
    condition = alltrue([
      for grant in module.pipeline[0].grants : !strcontains(grant, " state") || strcontains(grant, "/objects/${var.deployment}/")
    ])
    error_message = "Nobody reaches the state of another deployment."
  }

  assert {
    condition = toset([for grant in module.pipeline[0].grants : grant if startswith(grant, "group:approvers@example.com ")]) == toset([
      "group:approvers@example.com roles/cloudbuild.builds.approver project",
      "group:approvers@example.com roles/storage.objectViewer ${var.project_id}-fss-${var.deployment}-plans resource.name.startsWith(\"projects/_/buckets/${var.project_id}-fss-${var.deployment}-plans/objects/plans/\")",
    ])
    error_message = "An approver reads plans and approves them."
  }

  assert {
    condition     = contains(module.dispatcher.invokers.run, "serviceAccount:deployer@p.iam.gserviceaccount.com") && !contains(module.upload.invokers.run, "serviceAccount:deployer@p.iam.gserviceaccount.com")
    error_message = "The smoke test calls what people call."
  }
}

run "access_with_askers" {
  command = plan

  variables {
    askers = ["group:askers@example.com"]
  }

  override_resource {
    target          = module.ask[0].google_service_account.this
    override_during = plan
    values = {
      id     = "projects/p/serviceAccounts/ask"
      name   = "projects/p/serviceAccounts/ask"
      email  = "ask@p.iam.gserviceaccount.com"
      member = "serviceAccount:ask@p.iam.gserviceaccount.com"
    }
  }

  assert {
    condition = alltrue([
      for grant in [
        "projects/${var.project_id}/roles/fss_${var.deployment}_functions fss-${var.deployment}-ask",
        "roles/datastore.indexAdmin project resource.name == \"projects/${var.project_id}/databases/fss-${var.deployment}\" || resource.name == \"projects/${var.project_id}/databases/fss-${var.deployment}-ask\"",
        "roles/iam.serviceAccountUser projects/p/serviceAccounts/ask",
      ] :
      contains(module.pipeline[0].grants, "serviceAccount:deployer@p.iam.gserviceaccount.com ${grant}")
    ])
    error_message = "The deployer changes the ask function and the indexes of its database too."
  }
}
