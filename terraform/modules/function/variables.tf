variable "name" {
  description = "Of the function, its Cloud Run service and its service account."
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
  description = "What it is built from, and by whom: runtime, the package's bucket and object, the images' repository and the builder's service account, by id."
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
  description = "Environment variables that hold a secret: its id and the number of its version."
  type = map(object({
    secret  = string
    version = string
  }))
}

variable "timeout_seconds" {
  description = "How long a request may take."
  type        = number
}

variable "memory" {
  description = "Memory of an instance, such as 1Gi."
  type        = string
}

variable "concurrency" {
  description = "Requests that an instance serves at once."
  type        = number
}

variable "max_instances" {
  description = "Instances at most."
  type        = number
}

variable "ingress" {
  description = "From which networks it can be reached; IAM decides by whom."
  type        = string
}

variable "invokers" {
  description = "Who may call it, as IAM members."
  type        = list(string)

  validation {
    condition     = length(setintersection(var.invokers, ["allUsers", "allAuthenticatedUsers"])) == 0
    error_message = "No function is open to the public."
  }
}
