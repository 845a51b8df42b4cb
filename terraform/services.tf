locals {
  services = concat(
    var.budget == null ? [] : ["billingbudgets.googleapis.com"],
    var.events == null && var.pipeline == null ? [] : ["pubsub.googleapis.com"], [
      "artifactregistry.googleapis.com",
      "cloudbuild.googleapis.com",
      "cloudfunctions.googleapis.com",
      "cloudscheduler.googleapis.com",
      "cloudtasks.googleapis.com",
      "firestore.googleapis.com",
      "iam.googleapis.com",
      "iamcredentials.googleapis.com",
      "logging.googleapis.com",
      "monitoring.googleapis.com",
      "run.googleapis.com",
      "secretmanager.googleapis.com",
      "storage.googleapis.com",
  ])
}

resource "google_project_service" "this" {
  for_each = toset(local.services)

  service            = each.key
  disable_on_destroy = false # other parts of the project may use it
}

# A service answers before all of Google knows that it is enabled, and its service agent, to which a
# role is granted, exists a little later still. So what needs a service waits a minute more.
resource "terraform_data" "services" {
  triggers_replace = sort(local.services)

  provisioner "local-exec" {
    command = "sleep 60"
  }

  depends_on = [google_project_service.this]
}
