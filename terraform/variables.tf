# --- the deployment and its place ---------------------------------------------------------------

variable "project_id" {
  description = "The Google Cloud project of this deployment."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project id has 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "deployment" {
  description = "Name of this deployment: part of every resource's name and of the owner tag of its documents. A second prefix is a second deployment."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,12}[a-z0-9])?$", var.deployment))
    error_message = "At most 14 lower-case letters, digits and hyphens, a letter first: a service account's id holds no more."
  }
}

variable "region" {
  description = "Region of the functions, queues, jobs, images and packages. Cloud Build lets new projects build in us-central1, us-west2, europe-west1, asia-east1, australia-southeast1 and southamerica-east1 only."
  type        = string
  default     = "us-central1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region, such as us-central1."
  }
}

variable "firestore_location" {
  description = "Location of the Firestore database, which can't be changed later; null for the region. nam5 and eur3 are multi-regions."
  type        = string
  default     = null
}

variable "documents_bucket" {
  description = "The bucket to sync: an existing one, to which only a grant is added, or one to create. billing_project pays for the requests to a bucket whose requesters pay; the functions' accounts are granted its use."
  type = object({
    name            = string
    create          = optional(bool, false)
    billing_project = optional(string)
  })

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", var.documents_bucket.name))
    error_message = "A bucket's name, without gs://."
  }
}

# --- Gemini -------------------------------------------------------------------------------------

variable "tier" {
  description = "Quota tier of the Gemini key's project; its request rate becomes that of the uploads queue."
  type        = string

  validation {
    condition     = contains(keys(jsondecode(file("${path.module}/../shared/tiers.json")).tiers), var.tier)
    error_message = "One of the tiers of shared/tiers.json."
  }
}

variable "gemini_api_key_version" {
  description = "Number of the secret's version that holds the Gemini key. It is pinned, so that a new key takes effect by a reviewed change, which can be reverted."
  type        = string

  validation {
    condition     = can(regex("^[1-9][0-9]*$", var.gemini_api_key_version))
    error_message = "A version's number: latest would change what runs without a plan."
  }
}

# --- the sync -----------------------------------------------------------------------------------

variable "sync" {
  description = "When Cloud Scheduler starts a sync. period_hours is the longest time between two starts; an alert fires if no sync was completed in twice that time, or in 24 hours and 50 minutes if that is less, since alerts look no further back."
  type = object({
    schedule     = string
    time_zone    = optional(string, "Etc/UTC")
    period_hours = number
    paused       = optional(bool, false)
  })

  validation {
    condition     = length(split(" ", var.sync.schedule)) == 5
    error_message = "A cron schedule of five fields."
  }

  validation {
    condition     = var.sync.period_hours >= 1 && var.sync.period_hours <= 24 && floor(var.sync.period_hours) == var.sync.period_hours
    error_message = "Whole hours from 1 to 24: changes and deletions should be seen at least daily."
  }
}

variable "events" {
  description = "Notifications of the bucket, so that a sync begins minutes after a change; see modules/events/README.md. null: none. publisher is the Cloud Storage service agent of the bucket's project, if that is another one."
  type = object({
    publisher = optional(string)
  })
  default = null

  validation {
    condition     = can(regex("^[^@\\s:]+@gs-project-accounts.iam.gserviceaccount.com$", coalesce(try(var.events.publisher, null), "x@gs-project-accounts.iam.gserviceaccount.com")))
    error_message = "The e-mail address that gcloud storage service-agent prints for the bucket's project."
  }
}

variable "settings" {
  description = "Settings of the functions, see docs/configuration.md; null means the default. A function checks them when it starts."
  type = object({
    prefix                  = optional(string)
    include                 = optional(list(string))
    exclude                 = optional(list(string))
    not_ignored             = optional(list(string))
    path_template           = optional(string)
    expected_fields         = optional(list(string))
    ignored_metadata        = optional(list(string))
    kept_metadata           = optional(list(string))
    max_file_bytes          = optional(number)
    delete_policy           = optional(string)
    min_age_seconds         = optional(number)
    reconcile_days          = optional(number)
    max_imports_in_progress = optional(number)
    max_cost_per_day        = optional(number)
    max_imports_per_sync    = optional(number)
    store_display_name      = optional(string)
    embedding_model         = optional(string)
    chunk_max_tokens        = optional(number)
    chunk_overlap_tokens    = optional(number)
    log_level               = optional(string)
    event_pause_seconds     = optional(number)
  })
  default = {}

  validation {
    condition     = contains(["mirror", "add_only"], coalesce(var.settings.delete_policy, "mirror"))
    error_message = "delete_policy is mirror or add_only."
  }

  validation {
    condition = alltrue([
      for part in flatten([
        for name in ["include", "exclude", "expected_fields", "ignored_metadata", "kept_metadata"] :
        coalesce(var.settings[name], [])
      ]) :
      !strcontains(part, ",")
    ])
    error_message = "A comma separates globs, fields and names, so none may contain one."
  }
}

# --- the functions ------------------------------------------------------------------------------

variable "packages_dir" {
  description = "Folder with the functions' zips that make package builds, relative to this module."
  type        = string
  default     = "../build"
}

variable "runtime" {
  description = "Python version of the functions; tested with 3.11 and 3.13."
  type        = string
  default     = "python313"

  validation {
    condition     = can(regex("^python31[1-9]$", var.runtime))
    error_message = "python311 or newer."
  }
}

variable "function_timeout_seconds" {
  description = "How long a function may take. All other time limits follow from it."
  type        = number
  default     = 300

  validation {
    condition     = var.function_timeout_seconds >= 60 && var.function_timeout_seconds <= 1795
    error_message = "60 to 1795 seconds: a dispatch waits 5 s longer, and Cloud Tasks no longer than 30 minutes."
  }
}

variable "max_upload_instances" {
  description = "Most instances of the upload function, of one CPU each; those of a slow tier have a third of one and count as such. A new project's quota of CPUs in a region may be as low as 20; a function that asks for more is not deployed. tier3 needs 131 to keep its rate, of which at most 100 can be had. Fewer lower what the queues dispatch at once."
  type        = number
  default     = 20

  validation {
    condition     = var.max_upload_instances >= 1 && var.max_upload_instances <= 100 && floor(var.max_upload_instances) == var.max_upload_instances
    error_message = "1 to 100: Cloud Run limits a service to 100 instances unless told otherwise, and a function can't tell it."
  }
}

# --- people -------------------------------------------------------------------------------------

variable "operators" {
  description = "Who may start and control syncs and see their state, such as group:search-team@example.com."
  type        = list(string)

  validation {
    condition     = length(var.operators) > 0 && alltrue([for member in var.operators : can(regex("^(user|group|serviceAccount|principal|principalSet):.+", member))])
    error_message = "At least one; each names a user, group, service account or principal. The functions are open to nobody else."
  }
}

variable "viewers" {
  description = "Who may only see the state of syncs."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.viewers : can(regex("^(user|group|serviceAccount|principal|principalSet):.+", member))])
    error_message = "Each names a user, group, service account or principal; the functions are open to nobody else."
  }
}

variable "askers" {
  description = "Who may ask the store questions, which cost money; with nobody, there is no ask function."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.askers : can(regex("^(user|group|serviceAccount|principal|principalSet):.+", member))])
    error_message = "Each names a user, group, service account or principal; the functions are open to nobody else."
  }
}

variable "max_ask_cost_per_day" {
  description = "US dollars that the answers of a day may cost; null for the function's default."
  type        = number
  default     = null

  validation {
    condition     = try(var.max_ask_cost_per_day > 0, true)
    error_message = "More than 0."
  }
}

variable "notification_channels" {
  description = "Cloud Monitoring channels that receive the alerts, as projects/PROJECT/notificationChannels/ID."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for channel in var.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])
    error_message = "projects/PROJECT/notificationChannels/ID."
  }

  validation {
    condition     = length(var.notification_channels) > 0 || var.alerts_to_nobody
    error_message = "Name at least one channel, or say alerts_to_nobody = true where nobody needs to know."
  }
}

variable "alerts_to_nobody" {
  description = "Whether alerts may go unheard: they open incidents in the console and tell nobody."
  type        = bool
  default     = false
}

variable "documentation_url" {
  description = "Address of this repository's docs/ as your team reads it, such as https://github.com/my-team/file-search-sync/blob/main/docs; each alert links to its section of operations.md there. Without it an alert names the section."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^https://.+[^/]$", coalesce(var.documentation_url, "https://none")))
    error_message = "An https address without a slash at its end."
  }
}

variable "freshness_hours" {
  description = "A change in the bucket should be searchable within this many hours, 99 % of the time; null for twice the longest time between two syncs. An alert tells if it isn't."
  type        = number
  default     = null

  validation {
    condition     = contains([for half in range(1, 97) : half / 2], coalesce(var.freshness_hours, 1))
    error_message = "Half hours, from 0.5 to 48."
  }
}

variable "budget" {
  description = "What the project may cost a month, Gemini included if the key is the project's; alerts tell at 50, 90 and 100 % and when more is forecast. null for none. Who applies needs roles/billing.costsManager on the billing account."
  type = object({
    billing_account = string
    amount          = number
    currency        = optional(string)
  })
  default = null

  validation {
    condition     = can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.budget.billing_account)) || var.budget == null
    error_message = "A billing account is named like 012345-6789AB-CDEF01."
  }

  validation {
    condition     = try(var.budget.amount, 1) >= 1 && floor(try(var.budget.amount, 1)) == try(var.budget.amount, 1)
    error_message = "A whole amount, of the billing account's currency."
  }
}

# --- safety and logs ----------------------------------------------------------------------------

variable "deletion_protection" {
  description = "Whether database, secret and buckets with content survive terraform destroy."
  type        = bool
  default     = true
}

variable "point_in_time_recovery" {
  description = "Whether Firestore keeps seven days of history to recover from; it is billed as storage."
  type        = bool
  default     = false
}

variable "queue_log_sampling" {
  description = "Share of the queues' operations that is logged, from 0 to 1; each is a billed log entry."
  type        = number
  default     = 0

  validation {
    condition     = var.queue_log_sampling >= 0 && var.queue_log_sampling <= 1
    error_message = "From 0 to 1."
  }
}

# --- the pipeline -------------------------------------------------------------------------------

variable "pipeline" {
  description = "Cloud Build triggers for this deployment; null for none. repository is a connected repository, projects/P/locations/L/connections/C/repositories/R. Pull requests to the branch are checked, and what is merged into it is planned; an approver, such as group:leads@example.com, reads the plan and lets it be applied."
  type = object({
    repository        = string
    state_bucket      = string
    branch            = optional(string, "main")
    approval_required = optional(bool, true)
    approvers         = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.pipeline == null || can(regex("^projects/[^/]+/locations/[^/]+/connections/[^/]+/repositories/[^/]+$", var.pipeline.repository))
    error_message = "projects/P/locations/L/connections/C/repositories/R."
  }
}
