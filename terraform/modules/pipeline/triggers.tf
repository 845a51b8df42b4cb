# A pull request is checked, what was merged is planned, and what was approved is applied.

locals {
  images = {
    for name, image in jsondecode(file("${path.module}/images.json")) :
    "_${upper(name)}_IMAGE" => "${image.image}@${image.digest}"
  }

  apply = yamldecode(file("${path.module}/apply.yaml"))

  # One step for each file, since the length of a step is limited.
  tools = [
    for name in sort(fileset("${path.module}/steps", "*.{py,json}")) : {
      id = "write ${name}"
      script = join("\n", [
        "#!/bin/sh",
        "mkdir -p steps && cat > steps/${name} <<'END-OF-FILE'",
        "${file("${path.module}/steps/${name}")}END-OF-FILE",
        "",
      ])
    }
  ]
}

resource "google_cloudbuild_trigger" "check" {
  name            = "${var.name}-check"
  description     = "Checks a pull request, as an account that may do nothing"
  location        = var.region
  filename        = "cloudbuild.yaml"
  service_account = google_service_account.checker.id

  substitutions = merge(local.images, { _LOGS_BUCKET = google_storage_bucket.logs.name })

  repository_event_config {
    repository = var.pipeline.repository

    pull_request {
      branch          = "^${var.pipeline.branch}$"
      comment_control = "COMMENTS_ENABLED_FOR_EXTERNAL_CONTRIBUTORS_ONLY"
    }
  }

  lifecycle {
    precondition {
      condition     = alltrue([for image in local.images : can(regex("^[^@]+@sha256:[0-9a-f]{64}$", image))])
      error_message = "An image of the builds has no digest: run make images, and commit terraform/modules/pipeline/images.json."
    }
  }
}

resource "google_cloudbuild_trigger" "plan" {
  name            = "${var.name}-plan"
  description     = "Plans what was merged, as an account that reads configuration only"
  location        = var.region
  filename        = "terraform/modules/pipeline/plan.yaml"
  service_account = google_service_account.planner.id

  substitutions = merge(local.images, {
    _DEPLOYMENT   = var.deployment
    _PLANS_BUCKET = google_storage_bucket.plans.name
    _STATE_BUCKET = var.pipeline.state_bucket
    _TOPIC        = "projects/${var.project_id}/topics/${google_pubsub_topic.plans.name}"
  })

  repository_event_config {
    repository = var.pipeline.repository

    push {
      branch = "^${var.pipeline.branch}$"
    }
  }
}

resource "google_cloudbuild_trigger" "apply" {
  name            = "${var.name}-apply"
  description     = "Applies the plan that a message names"
  location        = var.region
  service_account = var.deployer.id

  pubsub_config {
    topic = google_pubsub_topic.plans.id
  }

  approval_config {
    approval_required = var.pipeline.approval_required
  }

  # What the approver sees. The build refuses a message that says something else than what is stored.
  substitutions = merge(
    local.images,
    { for name in ["commit", "generation", "object", "sha256", "summary", "text"] : "_${upper(name)}" => "$(body.message.attributes.${name})" },
    {
      _DEPLOYER       = var.deployer.email
      _DEPLOYMENT     = var.deployment
      _DISPATCHER_URL = var.dispatcher_url
      _PLANS_BUCKET   = google_storage_bucket.plans.name
      _STATE_BUCKET   = var.pipeline.state_bucket
      _STATUS_URL     = var.status_url
    },
  )

  build {
    timeout = local.apply.timeout

    dynamic "step" {
      for_each = concat(
        [for tool in local.tools : merge(tool, { name = "$${_PYTHON_IMAGE}", dir = null, env = null })],
        [for step in local.apply.steps : { id = step.id, name = step.name, script = step.script, dir = try(step.dir, null), env = try(step.env, null) }],
      )
      content {
        id     = step.value.id
        name   = step.value.name
        dir    = step.value.dir
        env    = step.value.env
        script = step.value.script
      }
    }

    options {
      logging = local.apply.options.logging
    }
  }
}
