using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Conversations;

/// <summary>Conversations and what they refer to.</summary>
internal static class ConversationsSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<IConversationReferences, ConversationReferences>();
        services.AddSingleton<ConversationParties>();
    }
}
