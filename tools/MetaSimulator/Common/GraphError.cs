namespace Bsp.MetaSimulator.Common;

/// <summary>An error as Graph answers it. Source of codes and statuses: Meta's "Error codes" page of the Cloud API.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Message">Without the "(#code)" prefix, which is added on the wire.</param>
/// <param name="Details"><c>error_data.details</c>; null omits error_data.</param>
/// <param name="UserMessage"><c>error_user_msg</c>, sent with template faults; null omits it.</param>
internal sealed record GraphError(int Status, int Code, string Message, string? Details = null, int? Subcode = null,
    string? UserTitle = null, string? UserMessage = null)
{
    public bool IsTransient => Code is 1 or 2 or 4 or 130429 or 131000 or 131016 or 131056 or 133004;

    public static readonly GraphError NoToken = new(401, 190, "Invalid OAuth access token - Cannot parse access token");

    public static readonly GraphError ExpiredToken = new(401, 190, "Error validating access token: Session has expired", Subcode: 463);

    public static readonly GraphError Throughput =
        new(400, 130429, "Rate limit hit",
            "Message failed to send because there were too many messages sent from this phone number in a short period of time");

    public static readonly GraphError Pair =
        new(400, 131056, "(Business Account, Consumer Account) pair rate limit hit",
            "Message failed to send because there were too many messages sent from this phone number to the same phone number in a short period of time");

    public static readonly GraphError Undeliverable = new(400, 131026, "Message undeliverable", "Message Undeliverable.");

    public static readonly GraphError Marketing =
        new(400, 131049, "This message was not delivered to maintain healthy ecosystem engagement.",
            "In order to maintain a healthy ecosystem engagement, the message failed to be delivered.");

    public static readonly GraphError OptedOut =
        new(400, 131050,
            "Unable to deliver the message. This recipient has chosen to stop receiving marketing messages on WhatsApp from your business",
            "Recipient has opted out of marketing messages");

    public static readonly GraphError WindowClosed =
        new(400, 131047, "Re-engagement message",
            "Message failed to send because more than 24 hours have passed since the customer last replied to this number.");

    public static readonly GraphError Paced =
        new(400, 132015, "Template is paused", "Message dropped because the template's quality was judged low while it was held.");

    public static readonly GraphError Disabled =
        new(400, 132016, "Template is disabled", "The template was paused too many times and is now permanently disabled");

    public static readonly GraphError Unknown = new(500, 131000, "Something went wrong", "Message failed to send due to an unknown error.");

    public static readonly GraphError Unavailable = new(503, 131016, "Service unavailable", "A service is temporarily unavailable.");

    public static readonly GraphError NotRegistered =
        new(400, 133010, "Account not registered", "The phone number is not registered on the WhatsApp Business Platform.");

    public static readonly GraphError SelfSend =
        new(400, 131021, "Recipient cannot be sender", "Sender and recipient phone number is the same.");

    public static readonly GraphError TooManyCalls =
        new(400, 80007, "There have been too many calls to this WhatsApp Business account. Wait a bit and try again.");

    public static GraphError NoObject(string verb, string id) =>
        new(400, 100,
            $"Unsupported {verb} request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation", Subcode: 33);

    /// <summary>Code 100: a parameter that is absent or of the wrong kind at the top of the request.</summary>
    public static GraphError Parameter(string message) => new(400, 100, message);

    public static GraphError Missing(string details) => new(400, 131008, "Required parameter is missing", details);

    public static GraphError Invalid(string details) => new(400, 131009, "Parameter value is not valid", details);

    public static GraphError NoTemplate(string name, string language) =>
        new(404, 132001, "Template name does not exist in the translation", $"template name ({name}) does not exist in {language}");

    public static GraphError TemplatePaused(string name) =>
        new(400, 132015, "Template is paused", $"template name ({name}) is paused due to low quality");

    public static GraphError ParameterCount(string details) =>
        new(400, 132000, "Number of parameters does not match the expected number of params", details);

    public static GraphError ParameterFormat(string details) =>
        new(400, 132012, "Parameter format does not match format in the created template", details);

    /// <summary>A fault in a template's definition.</summary>
    public static GraphError Template(int subcode, string title, string message) =>
        new(400, 100, "Invalid parameter", null, subcode, title, message);
}
