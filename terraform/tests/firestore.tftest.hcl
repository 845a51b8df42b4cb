# Records that are found, that end, and that are safe. Which indexes are needed is derived from the
# code's queries by tests/terraform.

mock_provider "google" {
  source = "./tests/mocks"
}

run "database" {
  command = plan

  assert {
    condition     = google_firestore_database.this.name == "fss-${var.deployment}" && google_firestore_database.this.type == "FIRESTORE_NATIVE"
    error_message = "Each deployment has a database of its own."
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

run "protected" {
  command = plan

  variables {
    deletion_protection    = true
    point_in_time_recovery = true
  }

  assert {
    condition = (
      google_firestore_database.this.delete_protection_state == "DELETE_PROTECTION_ENABLED" &&
      google_firestore_database.this.deletion_policy == "ABANDON" &&
      google_firestore_database.this.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED" &&
      google_secret_manager_secret.gemini_api_key.deletion_protection &&
      !google_storage_bucket.packages.force_destroy
    )
    error_message = "A protected deployment survives terraform destroy."
  }
}

run "production_is_protected" {
  command = plan

  assert {
    condition     = var.deployment != "prod" || (var.deletion_protection && var.point_in_time_recovery)
    error_message = "prod.tfvars protects its database and keeps its history."
  }
}

run "unprotected" {
  command = plan

  variables {
    deletion_protection = false
  }

  assert {
    condition     = google_firestore_database.this.deletion_policy == "DELETE" && google_firestore_database.this.delete_protection_state == "DELETE_PROTECTION_DISABLED"
    error_message = "An unprotected deployment leaves nothing behind."
  }
}
