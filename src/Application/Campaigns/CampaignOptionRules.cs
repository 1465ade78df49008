using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Messages;
using Bsp.Domain.Campaigns;
using FluentValidation;
using FluentValidation.Results;

namespace Bsp.Application.Campaigns;

/// <summary>What makes a campaign's options well-formed.</summary>
public static class CampaignOptionRules
{
    private const int TagMax = 64; // characters, as of a contact's tag
    private const int ParametersBytesMax = 32 * 1024;
    private const int CodeMax = 10_000_000;

    /// <exception cref="ValidationException">Something is wrong with them.</exception>
    public static void Require(string type, CampaignOptions? options, Guid templateId)
    {
        if (Faults(type, options, templateId) is { Count: > 0 } faults)
        {
            throw new ValidationException(faults);
        }
    }

    /// <summary>What is wrong with the options of a campaign of a type; empty: nothing.</summary>
    /// <param name="templateId">The campaign's own; null: not looked at.</param>
    public static List<ValidationFailure> Faults(string type, CampaignOptions? options, Guid? templateId = null)
    {
        var faults = new List<ValidationFailure>();
        if (options?.Trigger is { } trigger)
        {
            if (type != Campaign.Triggered)
            {
                Add("trigger", "Only a campaign of type TRIGGERED has a trigger.");
            }

            OfTrigger(trigger, Add);
        }

        if (options?.ErrorBudget is { } budget)
        {
            OfBudget("error_budget", budget, Add);
        }

        if (options?.Variants is { } variants)
        {
            OfVariants(variants, templateId, Add);
        }

        if (options?.Hours is { } hours)
        {
            OfHours("sending_hours", hours, Add);
        }

        return faults;

        void Add(string field, string message) => faults.Add(new(field, message));
    }

    /// <summary>As they are stored: keywords and codes each once.</summary>
    public static CampaignOptions? Tidy(CampaignOptions? options) => CampaignOptions.Kept(options is null ? null : options with
    {
        Trigger = options.Trigger is { Keywords: { } words } trigger ? trigger with { Keywords = [.. words.Distinct()] }
            : options.Trigger is { Tag: { } tag } tagged ? tagged with { Tag = tag.Trim() } : options.Trigger,
        ErrorBudget = options.ErrorBudget is { Codes: { } codes } budget
            ? budget with { Codes = codes.Count == 0 ? null : [.. codes.Distinct().Order()] } : options.ErrorBudget,
    });

    /// <summary>What a trigger listens to, as causes name it; empty: its route alone.</summary>
    public static IReadOnlyList<string> KeysOf(CampaignTrigger? trigger) => trigger switch
    {
        { On: CampaignTrigger.TagAdded, Tag: { } tag } => [tag],
        { On: CampaignTrigger.ListJoined, ListId: { } list } => [list.ToString()],
        { On: CampaignTrigger.Keyword, Keywords: { } words } => [.. words.Select(ConsentKeywords.Plain).Distinct()],
        _ => [],
    };

    /// <summary>What is wrong with an error budget.</summary>
    public static void OfBudget(string field, ErrorBudget budget, Action<string, string> add)
    {
        if (budget.Share is not (> 0 and <= 1))
        {
            add($"{field}.share", "must lie above 0 and be at most 1 (which never pauses).");
        }

        if (budget.MinSample is < 1 or > ErrorBudget.SampleMax)
        {
            add($"{field}.min_sample", $"must be 1 to {ErrorBudget.SampleMax}.");
        }

        if (budget.Codes is { } codes && (codes.Count > ErrorBudget.CodesMax || codes.Any(c => c is < 0 or > CodeMax)))
        {
            add($"{field}.codes", $"must be at most {ErrorBudget.CodesMax} of Meta's error codes.");
        }
    }

    private static void OfVariants(IReadOnlyList<CampaignVariant> variants, Guid? templateId, Action<string, string> add)
    {
        if (variants.Count is < CampaignVariant.CountMin or > CampaignVariant.CountMax || variants.Any(v => v is null)
            || variants.Select(v => v.TemplateId).Distinct().Count() < variants.Count)
        {
            add("variants", $"must be {CampaignVariant.CountMin} to {CampaignVariant.CountMax} different templates.");
        }
        else if (templateId is { } own && variants.All(v => v.TemplateId != own))
        {
            add("variants", "must have the campaign's template_id among them.");
        }
        else if (variants.Any(v => v.Share is < 1 or > CampaignVariant.ShareMax))
        {
            add("variants", $"have shares of 1 to {CampaignVariant.ShareMax} each.");
        }
        else if (variants.Any(v => v.TemplateParameters is { } given
            && (given.ValueKind != JsonValueKind.Object || KeptJson.Fault(given, ParametersBytesMax) is not null)))
        {
            add("variants", "have template_parameters that are objects of at most 32 KB.");
        }
    }

    /// <summary>What is wrong with sending hours.</summary>
    public static void OfHours(string field, SendingHours hours, Action<string, string> add)
    {
        if ((hours.QuietFrom is null) != (hours.QuietTo is null))
        {
            add($"{field}.quiet_from", "and quiet_to belong together.");
        }

        foreach (var (name, time) in new[] { ("quiet_from", hours.QuietFrom), ("quiet_to", hours.QuietTo) })
        {
            if (time is not null && SendingHours.TimeOf(time) is null)
            {
                add($"{field}.{name}", "must be a time of day such as 21:30.");
            }
        }

        if (hours.QuietFrom is not null && hours.QuietFrom == hours.QuietTo)
        {
            add($"{field}.quiet_to", "must differ from quiet_from.");
        }

        if (hours.Days is { } days && (days.Count == 0 || days.Any(d => !SendingHours.DayWords.Contains(d))))
        {
            add($"{field}.days", $"must be at least one of {string.Join(", ", SendingHours.DayWords)}.");
        }

        if (hours.Zone is not (null or SendingHours.Recipient or SendingHours.Organization) && RecipientZones.Find(hours.Zone) is null)
        {
            add($"{field}.zone", "must be recipient, organization or an IANA zone such as Africa/Cairo.");
        }

        if (hours.ZoneField is { } own && (own.Length is 0 or > TagMax || own.Contains('\0')))
        {
            add($"{field}.zone_field", $"must be a custom field's name of 1 to {TagMax} characters.");
        }
    }

    private static void OfTrigger(CampaignTrigger trigger, Action<string, string> add)
    {
        if (!CampaignTrigger.Words.Contains(trigger.On))
        {
            add("trigger.on", $"must be one of {string.Join(", ", CampaignTrigger.Words)}.");
            return;
        }

        if (trigger.CooldownSeconds is < 0 or > CampaignTrigger.CooldownSecondsMax)
        {
            add("trigger.cooldown_seconds", $"must be 0 to {CampaignTrigger.CooldownSecondsMax}.");
        }

        Only("tag", CampaignTrigger.TagAdded, trigger.Tag is not null);
        Only("keywords", CampaignTrigger.Keyword, trigger.Keywords is not null);
        Only("list_id", CampaignTrigger.ListJoined, trigger.ListId is not null);
        if (trigger.Tag is { } tag && (string.IsNullOrWhiteSpace(tag) || tag.Length > TagMax || tag.Contains('\0')))
        {
            add("trigger.tag", $"must be a tag of 1 to {TagMax} characters.");
        }

        if (trigger.Keywords is { } words)
        {
            OfKeywords(words, add);
        }

        void Only(string field, string kind, bool given)
        {
            if (given != (trigger.On == kind))
            {
                add($"trigger.{field}", given ? $"belongs to a trigger on {kind}." : $"must be given for a trigger on {kind}.");
            }
        }
    }

    private static void OfKeywords(IReadOnlyList<string> words, Action<string, string> add)
    {
        if (words.Count is 0 or > CampaignTrigger.KeywordsMax
            || words.Any(w => w is null || w.Length > ConsentKeywords.CharactersMax || ConsentKeywords.Plain(w).Length == 0))
        {
            add("trigger.keywords",
                $"must be 1 to {CampaignTrigger.KeywordsMax} words of 1 to {ConsentKeywords.CharactersMax} characters.");
        }
        else if (words.FirstOrDefault(w => ConsentKeywords.Read(w) == "OPTED_OUT") is { } stop)
        {
            add("trigger.keywords", $"'{stop}' means that somebody wants no messages: nothing can be sent for it.");
        }
    }
}
