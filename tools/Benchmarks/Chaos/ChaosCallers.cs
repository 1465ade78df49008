using System.Collections.Concurrent;
using System.Text;

namespace Bsp.Benchmarks.Chaos;

/// <summary>Who calls, and what was acknowledged to whom.</summary>
internal sealed class ChaosCallers(ChaosCaller caller, Customer customer, string campaign)
{
    private const int OfEachKind = 2;
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(30);
    private int number;

    /// <summary>Telephone number → id of the contact.</summary>
    public ConcurrentDictionary<string, string> Contacts { get; } = new();

    /// <summary>Text of the message → its id.</summary>
    public ConcurrentDictionary<string, string> Messages { get; } = new();

    /// <summary>Id of the campaign → types of the events that were acknowledged, in order.</summary>
    public ConcurrentDictionary<string, List<string>> Campaigns { get; } = new();

    /// <summary>Reasons of the pauses of the campaign that is being sent, in order.</summary>
    public List<string> Pauses { get; } = [];

    public int Resumes { get; private set; }

    /// <summary>wamid → the bytes that were acknowledged.</summary>
    public ConcurrentDictionary<string, byte[]> Webhooks { get; } = new();

    public override string ToString() =>
        $"{Contacts.Count} contacts, {Messages.Count} messages, {Campaigns.Values.Sum(e => e.Count)} commands on campaigns, {Pauses.Count} pauses and {Resumes} resumptions, {Webhooks.Count} webhooks acknowledged";

    /// <param name="enough">No further command is begun; those begun are brought to their end.</param>
    public Task RunAsync(CancellationToken enough, CancellationToken ct) => Task.WhenAll(
        Enumerable.Range(0, OfEachKind)
        .SelectMany(_ => new Func<CancellationToken, Task>[] { ContactAsync, MessageAsync, CampaignAsync, WebhookAsync }).Append(PauseAsync)
            .Select(kind => Task.Run(async () =>
            {
                while (!enough.IsCancellationRequested)
                {
                    await kind(ct);
                    await Task.Delay(Between, ct);
                }
            }, ct)));

    private async Task ContactAsync(CancellationToken ct)
    {
        var phone = $"+91991{Next():D7}";
        if (await caller.CommandAsync("/v1/contacts", new { phone_number = phone, first_name = "Asha" }, ct) is { } created)
        {
            Contacts[phone] = created.Text("id");
            await caller.GetAsync($"/v1/contacts/{created.Text("id")}", ct); // 404 is a lie
        }
    }

    private async Task MessageAsync(CancellationToken ct)
    {
        var text = $"token-{Next()}";
        if (await caller.CommandAsync("/v1/messages", new
        {
            account_id = customer.Account, to = $"+91992{Next():D7}", type = "template",
            template = new { name = Customer.TemplateName, language = new { code = "en" },
                components = new[] { new { type = "body", parameters = new[] { new { type = "text", text } } } } },
        }, ct) is { } sent)
        {
            Messages[text] = sent.Text("id");
        }
    }

    private async Task CampaignAsync(CancellationToken ct)
    {
        var plan = new
        {
            name = $"plan {Next()}", template_id = customer.Template, account_id = customer.Account, audience_segment = new { all = true },
            metadata = new { template_parameters = new { body = new[] { "{{contact.first_name|there}}" } } },
        };
        if (await caller.CommandAsync("/v1/campaigns", plan, ct) is not { } created)
        {
            return;
        }

        var (id, events) = (created.Text("id"), new List<string> { "campaign_created" });
        Campaigns[id] = events;
        await StepAsync(id, "schedule", new { scheduled_at = DateTimeOffset.UtcNow.AddDays(30) }, "SCHEDULED", ct, () =>
            events.Add("campaign_scheduled"));
        await StepAsync(id, "cancel", new { reason = "no longer" }, "CANCELLED", ct, () => events.Add("campaign_cancelled"));
    }

    // The campaign that is being sent stops and goes on, until it is over.
    private async Task PauseAsync(CancellationToken ct)
    {
        var reason = $"pause {Next()}";
        await StepAsync(campaign, "pause", new { reason }, "PAUSED", ct, () => Pauses.Add(reason), ends: "campaign.not_running");
        await StepAsync(campaign, "resume", new { }, "RUNNING", ct, () => Resumes++, ends: "campaign.not_paused");
    }

    private async Task StepAsync(string id, string verb, object body, string status, CancellationToken ct, Action acknowledged,
        string? ends = null)
    {
        if (await caller.CommandAsync($"/v1/campaigns/{id}/{verb}", body, ct, ends) is not { } done)
        {
            return;
        }

        acknowledged();
        foreach (var seen in new[] { done, await caller.GetAsync($"/v1/campaigns/{id}", ct) })
        {
            if (seen is not null && seen.Text("status") is var now && now != status && !(status == "RUNNING" && now == "COMPLETED"))
            {
                caller.Faults.Add($"campaign {id} is {now} after {verb} was acknowledged");
            }
        }
    }

    private async Task WebhookAsync(CancellationToken ct)
    {
        var n = Next();
        var wamid = $"wamid.chaos.{n}";
        var body = Encoding.UTF8.GetBytes($$$"""
            {"object":"whatsapp_business_account","entry":[{"id":"{{{Customer.WabaId}}}","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"14155552671","phone_number_id":"{{{Customer.PhoneNumberId}}}"},
            "contacts":[{"profile":{"name":"A customer"},"wa_id":"91993{{{n:D7}}}"}],"messages":[{"from":"91993{{{n:D7}}}","id":"{{{wamid}}}","timestamp":"{{{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}}}","type":"text","text":{"body":"hello {{{n}}}"}}]}}]}]}
            """);
        if (await caller.WebhookAsync(body, ct) is not null)
        {
            Webhooks[wamid] = body;
        }
    }

    private int Next() => Interlocked.Increment(ref number);
}
