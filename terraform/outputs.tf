output "dispatcher_url" {
  description = "Address of the dispatcher, where POST /sync starts a sync; FSS_DISPATCHER_URL of the fss command."
  value       = local.url.dispatcher
}

output "status_url" {
  description = "Address of the status function; FSS_STATUS_URL of the fss command."
  value       = local.url.status
}

output "ask_url" {
  description = "Address of the ask function, where POST /ask asks a question; FSS_ASK_URL of the fss command. Null without askers."
  value       = try(local.url.ask, null)
}

output "status_page_command" {
  description = "Makes the status function, which answers in JSON, available on http://localhost:8080 to operators and viewers."
  value       = "gcloud run services proxy ${module.status.name} --project ${var.project_id} --region ${var.region} --port 8080"
}

output "add_key_command" {
  description = "Command that adds a version to the key's secret; it reads the key from standard input."
  value       = "gcloud secrets versions add ${google_secret_manager_secret.gemini_api_key.secret_id} --project ${var.project_id} --data-file -"
}

output "documents_bucket" {
  description = "The bucket that is synced."
  value       = "gs://${var.documents_bucket.name}/${var.settings.prefix == null ? "" : var.settings.prefix}"
}

output "queues" {
  description = "Rate (dispatches per second) and concurrency of each queue."
  value       = { for key, queue in local.queues : module.queues.names[key] => queue }
}

output "packages" {
  description = "The deployed zip of each function, named by its sha256."
  value       = module.build.packages
}

output "dashboard_url" {
  description = "The deployment's dashboard."
  value       = module.monitoring.dashboard_url
}

output "budgets" {
  description = "Seconds that a step may work, its process may live, the function may take, its caller waits, and a file's claim lasts."
  value       = local.budgets

  precondition {
    condition = (
      0 < local.budgets.work &&
      local.budgets.work < local.budgets.watchdog &&
      local.budgets.watchdog < local.budgets.function_timeout &&
      local.budgets.function_timeout <= local.budgets.dispatch_deadline &&
      local.budgets.dispatch_deadline < local.budgets.claim &&
      local.budgets.dispatch_deadline <= 1800
    )
    error_message = "The budgets don't nest: work < watchdog < function timeout <= dispatch deadline < claim, and no caller waits longer than 30 minutes."
  }
}

output "events_owner_command" {
  description = "The command with which the bucket's owner lets it tell of changes, with events on a bucket that Terraform didn't create; otherwise null."
  value       = one(module.events[*].owner_command)
}
