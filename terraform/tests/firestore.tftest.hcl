# Records that are found, that end, and that are safe. Which indexes are needed is derived from the
# code's queries by tests/terraform.

mock_provider "google" {
  source = "./tests/mocks"
}

run "database" {
  command = plan

  module {
    source = "./modules/firestore"
  }

  variables {
    name                   = "fss-test"
    location               = "us-central1"
    writers                = {}
    readers                = {}
    deletion_protection    = false
    point_in_time_recovery = false
  }

  assert {
    condition     = google_firestore_database.this.type == "FIRESTORE_NATIVE"
    error_message = "The functions speak to a database in native mode."
  }

  assert {
    condition     = contains([for index in google_firestore_index.this : "${index.collection}: ${join(" ", index.fields[*].field_path)}"], "files: schedule.slot schedule.ready_at")
    error_message = "The pump finds the files that are ready."
  }

  assert {
    condition = toset([for field in google_firestore_field.expires_at : "${field.collection} ${field.field} ${length(field.ttl_config)}"]) == toset([
      for collection in ["batches", "listing", "operations", "pages", "reconcile", "window"] : "${collection} expires_at 1"
    ])
    error_message = "Old batches and what is theirs, operations and window entries end by themselves."
  }

  assert {
    condition = alltrue([
      for field in concat(values(google_firestore_field.exempt), values(google_firestore_field.expires_at)) :
      length(field.index_config) == 1 && length(field.index_config[0].indexes) == 0
    ])
    error_message = "What is not asked for is not indexed, expiry times in particular."
  }

  assert {
    condition     = alltrue([for field in google_firestore_field.exempt : field.field == "*"])
    error_message = "Exemptions are for all fields of a collection."
  }

  assert {
    condition     = toset(keys(google_firestore_field.exempt)) == toset(["batches", "files", "listing", "operations", "pages", "ranges", "reconcile", "window"])
    error_message = "Every large collection is exempt."
  }
}

run "of_this_deployment" {
  command = plan

  assert {
    condition     = module.firestore.name == "fss-${var.deployment}"
    error_message = "Each deployment has a database of its own."
  }
}
