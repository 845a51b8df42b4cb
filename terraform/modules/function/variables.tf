variable "name" {
  description = "Name of the function, its Cloud Run service and its service account."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{4,28}[a-z0-9])$", var.name))
    error_message = "6 to 30 characters in kebab-case, the limit of a service account's id."
  }
}

variable "description" {
  description = "What the function does."
  type        = string
}

variable "project_id" {
  description = "Project of the secrets."
  type        = string
}

variable "region" {
  description = "Where the function runs."
  type        = string
}

variable "build" {
  description = "What the function is built from and by whom: runtime, bucket and object of the package, repository of the images, and id of the builder's service account."
  type = object({
    runtime         = string
    bucket          = string
    object          = string
    repository      = string
    service_account = string
  })
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
}

variable "secrets" {
  description = "Environment variables that hold a secret, each with the secret's id and version number."
  type = map(object({
    secret  = string
    version = string
  }))
}

variable "timeout_seconds" {
  description = "How long a request may take."
  type        = number
}

variable "instance" {
  description = "What an instance has: CPUs, memory (such as 1Gi), and how many requests it serves at once."
  type = object({
    cpu         = number
    memory      = string
    concurrency = number
  })

  validation {
    condition     = var.instance.cpu >= 1 || var.instance.concurrency == 1
    error_message = "Less than a whole CPU serves one request at a time."
  }

  validation {
    condition     = var.instance.cpu >= 1 || contains(var.instance.cpu < 0.5 ? ["512Mi"] : ["512Mi", "1Gi"], var.instance.memory)
    error_message = "Less than half a CPU has 512Mi, and less than a whole one at most 1Gi."
  }
}

variable "max_instances" {
  description = "Maximum number of instances."
  type        = number
}

variable "ingress" {
  description = "Networks from which the function can be reached; IAM decides who may call it."
  type        = string
}

variable "observers" {
  description = "Who may see how the service is configured, which gcloud run services proxy asks for, as IAM members."
  type        = list(string)
  default     = []
}

variable "invokers" {
  description = "Who may call the function, as IAM members."
  type        = list(string)

  validation {
    condition     = length(setintersection(var.invokers, ["allUsers", "allAuthenticatedUsers"])) == 0
    error_message = "No function is open to the public."
  }
}
