# What survives terraform destroy, and what does not.

mock_provider "google" {
  source = "./tests/mocks"
}

run "of_this_environment" {
  command = plan

  assert {
    condition     = google_secret_manager_secret.gemini_api_key.deletion_protection == var.deletion_protection
    error_message = "A protected key survives terraform destroy."
  }

  assert {
    condition     = var.deployment != "prod" || (var.deletion_protection && var.point_in_time_recovery)
    error_message = "prod.tfvars protects its database and keeps its history."
  }
}

run "protected_packages" {
  command = plan

  module {
    source = "./modules/builder"
  }

  variables {
    name                = "fss-test"
    project_number      = "1"
    region              = "us-central1"
    packages            = {}
    deletion_protection = true
  }

  assert {
    condition     = !google_storage_bucket.packages.force_destroy
    error_message = "Protected packages survive terraform destroy."
  }

  assert {
    condition     = [for rule in google_storage_bucket.packages.lifecycle_rule : one(rule.condition).days_since_noncurrent_time] == [30]
    error_message = "A replaced package is kept for a month, not for ever."
  }
}

run "a_protected_database" {
  command = plan

  module {
    source = "./modules/firestore"
  }

  variables {
    name                   = "fss-test"
    location               = "us-central1"
    writers                = {}
    readers                = {}
    deletion_protection    = true
    point_in_time_recovery = true
  }

  assert {
    condition = (
      google_firestore_database.this.delete_protection_state == "DELETE_PROTECTION_ENABLED" &&
      google_firestore_database.this.deletion_policy == "ABANDON" &&
      google_firestore_database.this.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED"
    )
    error_message = "A protected database survives terraform destroy."
  }

  assert {
    condition = alltrue([
      for resource in concat(
        values(google_firestore_index.this),
        values(google_firestore_field.indexed),
        values(google_firestore_field.exempt),
        values(google_firestore_field.expires_at),
      ) : resource.deletion_policy == "ABANDON"
    ])
    error_message = "A database that survives keeps its indexes and fields."
  }
}

run "an_unprotected_database" {
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
    condition     = google_firestore_database.this.deletion_policy == "DELETE" && google_firestore_database.this.delete_protection_state == "DELETE_PROTECTION_DISABLED"
    error_message = "An unprotected database is not left behind."
  }
}
