# Notifications of the bucket: off unless asked for, and of this bucket and prefix only.

mock_provider "google" {
  source = "./tests/mocks"
}

override_resource {
  target          = module.events[0].google_pubsub_topic.changes
  override_during = plan
  values = {
    id = "projects/p/topics/changes"
  }
}

run "none_by_default" {
  command = plan

  variables {
    events = null
  }

  assert {
    condition     = length(module.events) == 0 && output.events_owner_command == null
    error_message = "Nothing is made for notifications unless somebody asks for them."
  }

  assert {
    condition     = !contains(keys(module.dispatcher.service.environment), "EVENTS_SERVICE_ACCOUNT")
    error_message = "Without notifications nobody may call /events."
  }
}

run "of_a_bucket_of_ours" {
  command = plan

  variables {
    events           = {}
    documents_bucket = { name = "documents-to-create", create = true }
    settings         = { prefix = "docs/", event_pause_seconds = 600 }
    operators        = ["group:operators@example.com"]
  }

  assert {
    condition = module.events[0].notification == {
      bucket  = "documents-to-create"
      prefix  = "docs/"
      payload = "NONE"
      events  = toset(["OBJECT_FINALIZE", "OBJECT_DELETE", "OBJECT_ARCHIVE", "OBJECT_METADATA_UPDATE"])
    }
    error_message = "Every change of an object below the prefix is told, and nothing of its content."
  }

  assert {
    condition = module.events[0].push == {
      endpoint  = "${local.url.dispatcher}/events"
      account   = "events@p.iam.gserviceaccount.com"
      audience  = local.url.dispatcher
      retention = "3600s"
      expires   = false
    }
    error_message = "Changes are pushed to the dispatcher with a token of the events' account."
  }

  assert {
    condition = toset([for grant in module.events[0].grants : "${grant.member} ${grant.role}"]) == toset([
      "serviceAccount:service-123456789012@gs-project-accounts.iam.gserviceaccount.com roles/pubsub.publisher",
    ])
    error_message = "Only Cloud Storage publishes."
  }

  assert {
    condition = toset(module.dispatcher.invokers.run) == toset([
      "serviceAccount:scheduler@p.iam.gserviceaccount.com",
      "serviceAccount:tasks@p.iam.gserviceaccount.com",
      "serviceAccount:events@p.iam.gserviceaccount.com",
      "group:operators@example.com",
    ])
    error_message = "The events' account may call the dispatcher, and no other function."
  }

  assert {
    condition     = module.dispatcher.service.environment["EVENTS_SERVICE_ACCOUNT"] == "events@p.iam.gserviceaccount.com"
    error_message = "The dispatcher knows who may call /events."
  }

  assert {
    condition     = output.events_owner_command == null
    error_message = "Nothing is left to the owner of a bucket that Terraform made."
  }
}

run "of_a_bucket_of_others" {
  command = plan

  variables {
    events           = { publisher = "service-987@gs-project-accounts.iam.gserviceaccount.com" }
    documents_bucket = { name = "documents-of-others" }
    settings         = { prefix = "it's/" }
  }

  assert {
    condition     = module.events[0].notification == null
    error_message = "A bucket of others is not changed."
  }

  assert {
    condition     = module.events[0].grants[0].member == "serviceAccount:service-987@gs-project-accounts.iam.gserviceaccount.com"
    error_message = "The service agent of the bucket's project publishes."
  }

  assert {
    condition     = output.events_owner_command == "gcloud storage buckets notifications create gs://documents-of-others --topic=projects/p/topics/changes --event-types=OBJECT_FINALIZE,OBJECT_DELETE,OBJECT_ARCHIVE,OBJECT_METADATA_UPDATE --payload-format=none --skip-topic-setup --object-prefix='it'\\''s/'"
    error_message = "The owner's command can be pasted."
  }
}

run "not_by_anybody" {
  command = plan

  variables {
    events = { publisher = "serviceAccount:somebody@example.com" }
  }

  expect_failures = [var.events]
}
