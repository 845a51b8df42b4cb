# --- what it is, and where ----------------------------------------------------------------------

variable "project_id" {
  description = "The Google Cloud project of this deployment."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project id has 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "deployment" {
  description = "Name of this deployment: part of every resource's name and of the tag its documents carry. A second prefix or store is a second deployment."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,12}[a-z0-9])?$", var.deployment))
    error_message = "At most 14 lower-case letters, digits and hyphens, a letter first: a service account's id holds no more."
  }
}

variable "region" {
  description = "Region of the functions, queues, jobs, images and packages."
  type        = string
  default     = "us-central1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region, such as us-central1."
  }
}

variable "firestore_location" {
  description = "Location of the Firestore database, for ever; null for the region. nam5 and eur3 span several regions."
  type        = string
  default     = null
}

variable "documents_bucket" {
  description = "The bucket to sync. An existing one, to which only a grant is added, or one to create."
  type = object({
    name   = string
    create = optional(bool, false)
  })

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", var.documents_bucket.name))
    error_message = "A bucket's name, without gs://."
  }
}

# --- Gemini -------------------------------------------------------------------------------------

variable "tier" {
  description = "Quota tier of the Gemini key's project; its request rate becomes the uploads queue's."
  type        = string

  validation {
    condition     = contains(keys(jsondecode(file("${path.module}/../shared/tiers.json")).tiers), var.tier)
    error_message = "One of the tiers of shared/tiers.json."
  }
}

variable "gemini_api_key_version" {
  description = "Number of the secret's version that holds the Gemini key. Pinned, so that a new key takes effect by a reviewed change and can be taken back."
  type        = string

  validation {
    condition     = can(regex("^[1-9][0-9]*$", var.gemini_api_key_version))
    error_message = "A version's number: latest would change what runs without a plan."
  }
}

# --- the sync -----------------------------------------------------------------------------------

variable "sync" {
  description = "When Cloud Scheduler starts a sync. period_hours is the longest the schedule leaves between two; an alert tells when none was completed in twice that."
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

variable "settings" {
  description = "What the functions are told beyond their surroundings; null leaves a setting at its default. shared/config.py checks each when a function starts."
  type = object({
    prefix                  = optional(string)
    include                 = optional(list(string))
    exclude                 = optional(list(string))
    path_template           = optional(string)
    expected_fields         = optional(list(string))
    max_file_bytes          = optional(number)
    delete_policy           = optional(string)
    reconcile_days          = optional(number)
    max_imports_in_progress = optional(number)
    store_display_name      = optional(string)
    embedding_model         = optional(string)
    chunk_max_tokens        = optional(number)
    chunk_overlap_tokens    = optional(number)
    log_level               = optional(string)
  })
  default = {}

  validation {
    condition     = contains(["mirror", "add_only"], coalesce(var.settings.delete_policy, "mirror"))
    error_message = "delete_policy is mirror or add_only."
  }

  validation {
    condition = alltrue([
      for part in concat(coalesce(var.settings.include, []), coalesce(var.settings.exclude, []), coalesce(var.settings.expected_fields, [])) :
      !strcontains(part, ",")
    ])
    error_message = "A comma separates globs and fields, so none may contain one."
  }
}

# --- the functions ------------------------------------------------------------------------------

variable "packages_dir" {
  description = "Folder with the functions' zips, as make package builds them; relative to this module."
  type        = string
  default     = "../build"
}

variable "runtime" {
  description = "The functions' Python; the tests ran on 3.11."
  type        = string
  default     = "python311"

  validation {
    condition     = can(regex("^python31[1-9]$", var.runtime))
    error_message = "python311 or newer."
  }
}

variable "function_timeout_seconds" {
  description = "How long a function may take. All other budgets follow from it."
  type        = number
  default     = 300

  validation {
    condition     = var.function_timeout_seconds >= 60 && var.function_timeout_seconds <= 1795
    error_message = "60 to 1795 seconds: a dispatch waits 5 s longer, and Cloud Tasks no longer than 30 minutes."
  }
}

# --- people -------------------------------------------------------------------------------------

variable "operators" {
  description = "Who may start, pause and cancel syncs and see their state, such as group:search-team@example.com."
  type        = list(string)

  validation {
    condition     = length(var.operators) > 0 && alltrue([for member in var.operators : can(regex("^(user|group|serviceAccount|principal|principalSet):.+", member))])
    error_message = "At least one; each names a user, group, service account or principal. The functions are open to nobody else."
  }
}

variable "viewers" {
  description = "Who may see the state of syncs only."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.viewers : can(regex("^(user|group|serviceAccount|principal|principalSet):.+", member))])
    error_message = "Each names a user, group, service account or principal; the functions are open to nobody else."
  }
}

variable "notification_channels" {
  description = "Cloud Monitoring channels that alerts go to, as projects/PROJECT/notificationChannels/ID."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for channel in var.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])
    error_message = "projects/PROJECT/notificationChannels/ID."
  }
}

# --- safety and evidence ------------------------------------------------------------------------

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
  description = "Share of the queues' operations that are logged, 0 to 1; each is a billed log entry."
  type        = number
  default     = 0

  validation {
    condition     = var.queue_log_sampling >= 0 && var.queue_log_sampling <= 1
    error_message = "From 0 to 1."
  }
}

# --- the pipeline -------------------------------------------------------------------------------

variable "pipeline" {
  description = "Cloud Build triggers for this deployment; null for none. repository is a connected one, projects/P/locations/L/connections/C/repositories/R; the plan trigger runs on pull requests to the branch, the apply trigger on pushes to it."
  type = object({
    repository        = string
    state_bucket      = string
    branch            = optional(string, "main")
    approval_required = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.pipeline == null || can(regex("^projects/[^/]+/locations/[^/]+/connections/[^/]+/repositories/[^/]+$", var.pipeline.repository))
    error_message = "projects/P/locations/L/connections/C/repositories/R."
  }
}
