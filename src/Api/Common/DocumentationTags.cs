using System.Collections.Frozen;
using System.Reflection;
using Microsoft.OpenApi;

namespace Bsp.Api.Common;

/// <summary>On an endpoint module: what its chapter is about, so that a new one is told in one place.</summary>
/// <param name="name">First part of its paths below <c>/v1</c>.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true, Inherited = false)]
internal sealed class ChapterAttribute(string name, string about) : Attribute
{
    public string Name => name;

    public string About => about;
}

/// <summary>
/// The chapters of the documentation: the first part of each path, in the order of their names, with what they are about.
/// </summary>
internal static class DocumentationTags
{
    private static readonly Dictionary<string, string> Descriptions = new()
    {
        ["accounts"] = "WhatsApp numbers of the organization: registering, connecting, limits and quality.",
        ["analytics"] = "What was sent, delivered, read and paid, by day, number, campaign and template; as JSON or CSV.",
        ["api-keys"] = "Keys for programs. A secret is shown once.",
        ["audit-trail"] = "Administrative acts: who did what, when and from where.",
        ["auth"] = "Signing in and out, second factors, sessions, invitations and forgotten passwords.",
        ["campaigns"] = "Messages to an audience: planning, launching, pausing, progress, and why somebody got it or did not.",
        ["canned-replies"] = "Texts that agents send often.",
        ["charges"] = "What became of each delivered message's price, and what waits for one.",
        ["contacts"] = "People, what they agreed to, and files of them in and out.",
        ["conversations"] = "The inbox: what customers write, who answers, and how it is filed.",
        ["deliveries"] = "Webhooks to the organization's own systems: single deliveries.",
        ["events"] = "The organization's own log, for pulling instead of webhooks.",
        ["imports"] = "How far a file of contacts is, and its bad rows.",
        ["incoming-webhooks"] = "What of Meta's webhooks was not carried out; for the platform.",
        ["ledger"] = "Every movement of money, chained and provable.",
        ["lists"] = "Groups of contacts, kept by hand or by a filter.",
        ["log"] = "Signed heads of the log, against which anybody can check that nothing of it was changed.",
        ["me"] = "Who is calling.",
        ["mentions"] = "Where colleagues' notes mention the caller.",
        ["mail"] = "Mails that went out, or did not.",
        ["media"] = "Pictures, sounds, films and documents to send.",
        ["messages"] = "Single messages and what became of them.",
        ["operations"] = "Health, metrics, and Meta's own webhooks.",
        ["organizations"] = "Tenants. The platform sees all, others their own.",
        ["plans"] = "What the platform sells.",
        ["presence"] = "Who of the team is there.",
        ["projections"] = "The views and how far they have read the log; for the platform.",
        ["rate-cards"] = "What a message costs where; for the platform.",
        ["retention"] = "What is kept for how long, and what may not go.",
        ["statements"] = "What a month came to.",
        ["stream"] = "Server-sent events of everything that a person looks at.",
        ["subscriptions"] = "The plan that the organization has taken.",
        ["teams"] = "People among whom conversations are handed out.",
        ["templates"] = "Messages that Meta approves before they may be sent.",
        ["transactions"] = "Movements of the organization's wallet.",
        ["users"] = "People of the organization who sign in.",
        ["wallet"] = "Money that the organization has with the platform.",
        ["webhooks"] = "Where the organization wants to be told.",
    };

    private static readonly FrozenDictionary<string, string> Own = typeof(DocumentationTags).Assembly.GetTypes()
        .SelectMany(module => module.GetCustomAttributes<ChapterAttribute>())
        .ToFrozenDictionary(chapter => chapter.Name, chapter => chapter.About);

    /// <summary>Those that an operation of the document has.</summary>
    public static HashSet<OpenApiTag> Of(OpenApiDocument document) =>
        [.. document.Paths.Values.SelectMany(p => p.Operations is { } all ? all.Values.AsEnumerable() : [])
            .SelectMany(o => o.Tags ?? new HashSet<OpenApiTagReference>()).Select(t => t.Reference.Id!).Distinct()
            .Order(StringComparer.Ordinal)
            .Select(name =>
                new OpenApiTag { Name = name, Description = Descriptions.GetValueOrDefault(name) ?? Own.GetValueOrDefault(name) ?? name })];
}
