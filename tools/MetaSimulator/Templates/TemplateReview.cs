using Bsp.MetaSimulator.Common;
using Bsp.MetaSimulator.Webhooks;

namespace Bsp.MetaSimulator.Templates;

/// <summary>Decides on submitted templates after a while, and tells the receiver of every change of status.</summary>
internal sealed class TemplateReview(SimulatorState state) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();

    /// <summary>The verdict comes as a webhook.</summary>
    public void Submit(Template template) => _ = Decide(template);

    /// <summary>Sets the status and sends <c>message_template_status_update</c>.</summary>
    public void SetStatus(Template template, string status, string reason)
    {
        lock (template)
        {
            template.Status = status;
            template.RejectedReason = reason;
        }

        state.Accounts.NoteChange();
        state.Webhooks.Enqueue(Update(template, status, reason), 0);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _stop.Dispose();
    }

    private async Task Decide(Template template)
    {
        await Task.Delay(state.Options.TemplateReviewMs, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_stop.IsCancellationRequested || template.Status != "PENDING")
        {
            return;
        }

        var rejected = Names(template, state.Options.RejectTemplatesNamed);
        SetStatus(template, rejected ? "REJECTED" : "APPROVED", rejected ? "PROMOTIONAL" : "NONE");
    }

    /// <summary>Whether the template's name contains the marker; an empty marker matches nothing.</summary>
    public static bool Names(Template template, string marker) =>
        marker.Length > 0 && template.Name.Contains(marker, StringComparison.Ordinal);

    private static WebhookChange Update(Template template, string status, string reason) =>
        WebhookChange.Write(template.WabaId, "message_template_status_update", $"{template.Id}/{status}", json =>
        {
            json.WriteStartObject();
            json.WriteString("event", status);
            json.WriteNumber("message_template_id", long.Parse(template.Id, null));
            json.WriteString("message_template_name", template.Name);
            json.WriteString("message_template_language", template.Language);
            json.WriteString("reason", reason);
            json.WriteString("message_template_category", template.Category);
            if (status == "REJECTED")
            {
                json.WriteStartObject("rejection_info");
                json.WriteString("reason", $"The template was rejected as {reason}.");
                json.WriteString("recommendation", "Change the text and submit it again.");
                json.WriteEndObject();
            }

            if (status is "PAUSED" or "DISABLED")
            {
                json.WriteStartObject("other_info");
                json.WriteString("title", status == "PAUSED" ? "FIRST_PAUSE" : "DISABLED");
                json.WriteString("description", $"The template is {status.ToLowerInvariant()} because of low quality.");
                json.WriteEndObject();
            }

            json.WriteEndObject();
        });
}
