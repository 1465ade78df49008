using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Teams;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Conversations;

/// <summary>Conversations and what they refer to, and the workers of the inbox.</summary>
internal static class ConversationsSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<IConversationReferences, ConversationReferences>();
        services.AddSingleton<ConversationParties>();
        services.AddSingleton<IConversationNotes, ConversationNotes>();
        services.AddSingleton<ReadMarkSignal>();
        services.AddSingleton<IConversationMarks, ConversationMarks>();
        services.AddHostedService<ReadMarkWorker>();
        services.AddSingleton<TeamTurns>();
        services.AddSingleton<ITeamRoutes>(provider => provider.GetRequiredService<TeamTurns>());
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<TeamTurns>().Memory);
        services.AddHostedService<InboxDriver>();
        services.AddSingleton<ISweep, InboxSweep>();
    }
}
