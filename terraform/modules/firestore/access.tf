# Who reads and writes the records. The grant is on the project, so a condition limits it to the database.

locals {
  condition = {
    title      = "Database ${google_firestore_database.this.name} only"
    expression = "resource.name == \"projects/${var.project_id}/databases/${google_firestore_database.this.name}\""
  }
}

resource "google_project_iam_member" "writes_records" {
  for_each = var.writers

  project = var.project_id
  role    = "roles/datastore.user"
  member  = each.value

  condition {
    title      = local.condition.title
    expression = local.condition.expression
  }
}

resource "google_project_iam_member" "reads_records" {
  for_each = var.readers

  project = var.project_id
  role    = "roles/datastore.viewer"
  member  = each.value

  condition {
    title      = local.condition.title
    expression = local.condition.expression
  }
}
